// SPDX-License-Identifier: Apache-2.0

/// `spec.storage`
package struct ClusterStorage: Record {
    package enum Medium: String, ChoiceValue {
        case persistentVolume = "PersistentVolume"
        /// The data dies with the pods.
        case memory = "Memory"
    }

    package enum AccessMode: String, ChoiceValue, OptionalContent {
        case readWriteOnce = "ReadWriteOnce"
        case readWriteOncePod = "ReadWriteOncePod"
        package static var blank: AccessMode { .readWriteOnce }
    }

    package var size = Quantity(thousandths: (8 << 30) * 1000)
    /// Empty: the cluster's default class.
    package var storageClassName = ""
    package var accessModes: [AccessMode] = [.readWriteOnce]
    package var medium = Medium.persistentVolume
    package var retentionPolicy = RetentionPolicy()

    package init() {}

    package static let fields: [Field<ClusterStorage>] = [
        Field("size", \.size, "Size of each member's volume. It can grow, never shrink."),
        Field(
            "storageClassName", \.storageClassName,
            "Class of the volumes; choose one on SSD. The default class when empty. Immutable."
        ) { $0.maxLength = 253 },
        Field("accessModes", \.accessModes, "Access modes of the claims. Immutable.") {
            $0.maxItems = 1
            $0.minItems = 1
        },
        Field(
            "medium", \.medium,
            "PersistentVolume, or Memory: the data dies with the pods. Immutable."),
        Field("retentionPolicy", \.retentionPolicy, "What becomes of claims without a member."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0",
            "size cannot be reduced", at: ".size"),
        Rule(
            "(has(self.storageClassName) ? self.storageClassName : '') "
                + "== (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')",
            "storageClassName is immutable", at: ".storageClassName"),
        Rule(
            "self.accessModes == oldSelf.accessModes", "accessModes is immutable",
            at: ".accessModes"),
        Rule("self.medium == oldSelf.medium", "medium is immutable", at: ".medium"),
    ]
}

/// `spec.storage.retentionPolicy`, in the words of a StatefulSet; the operator carries it out.
package struct RetentionPolicy: Record {
    package enum Fate: String, ChoiceValue {
        case retain = "Retain"
        case delete = "Delete"
    }

    package var whenScaled = Fate.delete

    package init() {}

    package static let fields: [Field<RetentionPolicy>] = [
        Field("whenScaled", \.whenScaled, "Claims of members that were scaled away.")
    ]
}

/// `spec.podTemplate`: parts of a pod handed on as they are.
package struct PodTemplate: Record {
    package struct Metadata: Record {
        package var labels: KubeMap = [:]
        package var annotations: KubeMap = [:]

        package init() {}

        package static let fields: [Field<Metadata>] = [
            Field("labels", \.labels, "More labels. Those of the operator cannot be replaced."),
            Field("annotations", \.annotations, "More annotations."),
        ]

        package static let rules: [Rule] = [
            Rule(
                "!has(self.labels) || self.labels.all(key, !key.startsWith('keelson.dev/') "
                    + "&& !(key in ["
                    + PodTemplate.ownLabels.map { "'\($0)'" }.joined(separator: ", ") + "]))",
                "labels of the operator cannot be set", at: ".labels")
        ]
    }

    package struct PodFields: Record {
        /// Replaces what podPlacement would make.
        package var affinity = AnyObject()
        package var tolerations: [AnyObject] = []
        package var nodeSelector: KubeMap = [:]
        package var priorityClassName = ""
        /// Replaces what podPlacement would make.
        package var topologySpreadConstraints: [AnyObject] = []

        package init() {}

        package static let fields: [Field<PodFields>] = [
            Field("affinity", \.affinity, "As in a Pod; replaces the affinity of podPlacement."),
            Field("tolerations", \.tolerations, "As in a Pod.") { $0.maxItems = 32 },
            Field("nodeSelector", \.nodeSelector, "As in a Pod."),
            Field("priorityClassName", \.priorityClassName, "As in a Pod.") {
                $0.maxLength = 253
            },
            Field(
                "topologySpreadConstraints", \.topologySpreadConstraints,
                "As in a Pod; replaces the zone spread of podPlacement."
            ) { $0.maxItems = 8 },
        ]
    }

    package var metadata = Metadata()
    package var spec = PodFields()

    package init() {}

    package static let fields: [Field<PodTemplate>] = [
        Field("metadata", \.metadata, "Labels and annotations of the pods."),
        Field("spec", \.spec, "Where the pods may run."),
    ]
}

/// Requests and limits of a container.
package struct Resources: Record {
    package var requests: ResourceList = ["cpu": "250m", "memory": "512Mi"]
    package var limits: ResourceList = [:]

    package init() {}

    package static let fields: [Field<Resources>] = [
        Field("requests", \.requests, "What is set aside for a member."),
        Field("limits", \.limits, "The most a member may use."),
    ]
}

/// `spec.podPlacement`
package struct PodPlacement: Record {
    package enum AntiAffinity: String, ChoiceValue {
        case preferred = "Preferred"
        case required = "Required"
        case none = "None"
    }

    package var antiAffinity = AntiAffinity.preferred
    package var topologyKey = "kubernetes.io/hostname"
    package var zoneSpread = true

    package init() {}

    package static let fields: [Field<PodPlacement>] = [
        Field(
            "antiAffinity", \.antiAffinity,
            "Whether two members may share a node. Required is for production."),
        Field("topologyKey", \.topologyKey, "Label of nodes that tells hosts apart.") {
            $0.minLength = 1
            $0.maxLength = 317
        },
        Field("zoneSpread", \.zoneSpread, "Spread over zones where there are several."),
    ]
}

/// `spec.podDisruptionBudget`
package struct DisruptionBudget: Record {
    package enum EvictionPolicy: String, ChoiceValue {
        case ifHealthyBudget = "IfHealthyBudget"
        case alwaysAllow = "AlwaysAllow"
    }

    package var enabled = true
    package var unhealthyPodEvictionPolicy = EvictionPolicy.ifHealthyBudget

    package init() {}

    package static let fields: [Field<DisruptionBudget>] = [
        Field("enabled", \.enabled, "Keep a PodDisruptionBudget; minAvailable is the quorum."),
        Field(
            "unhealthyPodEvictionPolicy", \.unhealthyPodEvictionPolicy,
            "As in a PodDisruptionBudget. AlwaysAllow lets drains take every member once the "
                + "quorum is lost. Used where the server knows it (1.27)."),
    ]
}

/// `spec.service`
package struct ClientService: Record {
    package enum Kind: String, ChoiceValue {
        case clusterIP = "ClusterIP"
        case nodePort = "NodePort"
        case loadBalancer = "LoadBalancer"
    }

    package enum TrafficPolicy: String, ChoiceValue {
        case unset = ""
        case cluster = "Cluster"
        case local = "Local"
    }

    package var type = Kind.clusterIP
    package var annotations: KubeMap = [:]
    package var loadBalancerSourceRanges: [String] = []
    package var externalTrafficPolicy = TrafficPolicy.unset
    package var trafficDistribution = ""

    package init() {}

    package static let fields: [Field<ClientService>] = [
        Field("type", \.type, "As in a Service."),
        Field("annotations", \.annotations, "More annotations."),
        Field(
            "loadBalancerSourceRanges", \.loadBalancerSourceRanges,
            "As in a Service; only with type LoadBalancer."),
        Field("externalTrafficPolicy", \.externalTrafficPolicy, "As in a Service."),
        Field(
            "trafficDistribution", \.trafficDistribution,
            "As in a Service, where the server knows it (1.30)."
        ) { $0.maxLength = 63 },
    ]

    package static let rules: [Rule] = [
        Rule(
            "!has(self.loadBalancerSourceRanges) || self.type == 'LoadBalancer'",
            "loadBalancerSourceRanges needs type LoadBalancer", at: ".loadBalancerSourceRanges")
    ]
}
