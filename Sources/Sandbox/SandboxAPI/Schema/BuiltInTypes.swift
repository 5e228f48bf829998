// SPDX-License-Identifier: Apache-2.0

/// The types of the built-in kinds; SchemaText says how to read this. A field that is missing here
/// is unknown to the sandbox: it is pruned, or refused when the client asks for strictness.
enum BuiltInTypes {
    static let meta = """
        ObjectMeta: name s, generateName s, namespace s, selfLink s, uid s, resourceVersion s
         generation i, creationTimestamp t, deletionTimestamp t, deletionGracePeriodSeconds i
         labels {s}, annotations {s}, ownerReferences [OwnerReference= uid], finalizers [s]=
         managedFields [ManagedFieldsEntry], clusterName s
        OwnerReference: apiVersion! s, kind! s, name! s, uid! s, controller b, blockOwnerDeletion b
        ManagedFieldsEntry: manager s, operation s, apiVersion s, time t, fieldsType s, fieldsV1 *
         subresource s
        ListMeta: selfLink s, resourceVersion s, continue s, remainingItemCount i
        LabelSelector: matchLabels {s}, matchExpressions [LabelSelectorRequirement]
        LabelSelectorRequirement: key! s, operator! s, values [s]
        Condition: type! s, status! s, observedGeneration i, lastTransitionTime t, reason s, message s
        ObjectReference: kind s, namespace s, name s, uid s, apiVersion s, resourceVersion s, fieldPath s
        LocalObjectReference: name s
        TypedLocalObjectReference: apiGroup s, kind! s, name! s
        TypedObjectReference: apiGroup s, kind! s, name! s, namespace s
        """

    static let pod = """
        Pod: apiVersion s, kind s, metadata ObjectMeta, spec PodSpec, status PodStatus
        PodTemplateSpec: metadata ObjectMeta, spec PodSpec
        PodSpec: volumes [Volume~ name], initContainers [Container name], containers! [Container name]
         ephemeralContainers [Container name], restartPolicy s, terminationGracePeriodSeconds i
         activeDeadlineSeconds i, dnsPolicy s, nodeSelector {s}, serviceAccountName s
         serviceAccount s, automountServiceAccountToken b, nodeName s, hostNetwork b, hostPID b
         hostIPC b, shareProcessNamespace b, securityContext PodSecurityContext
         imagePullSecrets [LocalObjectReference name], hostname s, subdomain s, affinity Affinity
         schedulerName s, tolerations [Toleration], hostAliases [HostAlias ip], priorityClassName s
         priority i, dnsConfig PodDNSConfig, readinessGates [PodReadinessGate], runtimeClassName s
         enableServiceLinks b, preemptionPolicy s, overhead {q}, setHostnameAsFQDN b, os PodOS
         topologySpreadConstraints [TopologySpreadConstraint topologyKey,whenUnsatisfiable]
         hostUsers b, schedulingGates [LocalObjectReference name], resourceClaims [PodResourceClaim name]
         resources ResourceRequirements, hostnameOverride s
        PodOS: name! s
        PodResourceClaim: name! s, resourceClaimName s, resourceClaimTemplateName s
        PodReadinessGate: conditionType! s
        PodDNSConfig: nameservers [s], searches [s], options [PodDNSConfigOption]
        PodDNSConfigOption: name s, value s
        HostAlias: ip! s, hostnames [s]
        Toleration: key s, operator s, value s, effect s, tolerationSeconds i
        TopologySpreadConstraint: maxSkew! i, topologyKey! s, whenUnsatisfiable! s
         labelSelector LabelSelector=, minDomains i, nodeAffinityPolicy s, nodeTaintsPolicy s
         matchLabelKeys [s]
        PodSecurityContext: seLinuxOptions SELinuxOptions, windowsOptions *, runAsUser i, runAsGroup i
         runAsNonRoot b, supplementalGroups [i], supplementalGroupsPolicy s, fsGroup i
         sysctls [Sysctl], fsGroupChangePolicy s, seccompProfile SeccompProfile
         appArmorProfile SeccompProfile, seLinuxChangePolicy s
        SELinuxOptions: user s, role s, type s, level s
        Sysctl: name! s, value! s
        SeccompProfile: type! s, localhostProfile s
        Affinity: nodeAffinity NodeAffinity, podAffinity PodAffinity, podAntiAffinity PodAffinity
        NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution NodeSelector=
         preferredDuringSchedulingIgnoredDuringExecution [PreferredSchedulingTerm]
        NodeSelector: nodeSelectorTerms! [NodeSelectorTerm]
        NodeSelectorTerm: matchExpressions [LabelSelectorRequirement], matchFields [LabelSelectorRequirement]
        PreferredSchedulingTerm: weight! i, preference! NodeSelectorTerm
        PodAffinity: requiredDuringSchedulingIgnoredDuringExecution [PodAffinityTerm]
         preferredDuringSchedulingIgnoredDuringExecution [WeightedPodAffinityTerm]
        PodAffinityTerm: labelSelector LabelSelector=, namespaces [s], topologyKey! s
         namespaceSelector LabelSelector=, matchLabelKeys [s], mismatchLabelKeys [s]
        WeightedPodAffinityTerm: weight! i, podAffinityTerm! PodAffinityTerm
        Container: name! s, image s, command [s], args [s], workingDir s
         ports [ContainerPort containerPort,protocol], envFrom [EnvFromSource], env [EnvVar name]
         resources ResourceRequirements, resizePolicy [ContainerResizePolicy], restartPolicy s
         restartPolicyRules [*], volumeMounts [VolumeMount mountPath], volumeDevices [VolumeDevice devicePath]
         livenessProbe Probe, readinessProbe Probe, startupProbe Probe, lifecycle Lifecycle
         terminationMessagePath s, terminationMessagePolicy s, imagePullPolicy s
         securityContext SecurityContext, stdin b, stdinOnce b, tty b, targetContainerName s
        ContainerResizePolicy: resourceName! s, restartPolicy! s
        ContainerPort: name s, hostPort i, containerPort! i, protocol s, hostIP s
        EnvFromSource: prefix s, configMapRef EnvSourceRef, secretRef EnvSourceRef
        EnvSourceRef: name s, optional b
        EnvVar: name! s, value s, valueFrom EnvVarSource
        EnvVarSource: fieldRef ObjectFieldSelector=, resourceFieldRef ResourceFieldSelector=
         configMapKeyRef KeySelector=, secretKeyRef KeySelector=, fileKeyRef *
        ObjectFieldSelector: apiVersion s, fieldPath! s
        ResourceFieldSelector: containerName s, resource! s, divisor q
        KeySelector: name s, key! s, optional b
        ResourceRequirements: limits {q}, requests {q}, claims [ResourceClaim name]
        ResourceClaim: name! s, request s
        VolumeMount: name! s, readOnly b, recursiveReadOnly s, mountPath! s, subPath s
         mountPropagation s, subPathExpr s
        VolumeDevice: name! s, devicePath! s
        Probe: exec ExecAction, httpGet HTTPGetAction, tcpSocket TCPSocketAction, grpc GRPCAction
         initialDelaySeconds i, timeoutSeconds i, periodSeconds i, successThreshold i
         failureThreshold i, terminationGracePeriodSeconds i
        ExecAction: command [s]
        HTTPGetAction: path s, port! q, host s, scheme s, httpHeaders [HTTPHeader]
        HTTPHeader: name! s, value! s
        TCPSocketAction: port! q, host s
        GRPCAction: port! i, service s
        SleepAction: seconds! i
        Lifecycle: postStart LifecycleHandler, preStop LifecycleHandler, stopSignal s
        LifecycleHandler: exec ExecAction, httpGet HTTPGetAction, tcpSocket TCPSocketAction, sleep SleepAction
        SecurityContext: capabilities Capabilities, privileged b, seLinuxOptions SELinuxOptions
         windowsOptions *, runAsUser i, runAsGroup i, runAsNonRoot b, readOnlyRootFilesystem b
         allowPrivilegeEscalation b, procMount s, seccompProfile SeccompProfile
         appArmorProfile SeccompProfile
        Capabilities: add [s], drop [s]
        PodStatus: observedGeneration i, phase s, conditions [PodCondition type], message s, reason s
         nominatedNodeName s, hostIP s, hostIPs [HostIP ip], podIP s, podIPs [HostIP ip], startTime t
         initContainerStatuses [ContainerStatus], containerStatuses [ContainerStatus], qosClass s
         ephemeralContainerStatuses [ContainerStatus], resize s, resourceClaimStatuses [*]
        HostIP: ip! s
        PodCondition: type! s, observedGeneration i, status! s, lastProbeTime t, lastTransitionTime t
         reason s, message s
        ContainerStatus: name! s, state ContainerState, lastState ContainerState, ready b
         restartCount i, image s, imageID s, containerID s, started b, allocatedResources {q}
         resources ResourceRequirements, volumeMounts [*], user *, allocatedResourcesStatus [*]
         stopSignal s
        ContainerState: waiting StateWaiting, running StateRunning, terminated StateTerminated
        StateWaiting: reason s, message s
        StateRunning: startedAt t
        StateTerminated: exitCode! i, signal i, reason s, message s, startedAt t, finishedAt t, containerID s
        """

    static let volume = """
        Volume: name! s, hostPath HostPathVolume, emptyDir EmptyDirVolume, secret SecretVolume
         persistentVolumeClaim ClaimVolume, configMap ConfigMapVolume, projected ProjectedVolume
         downwardAPI DownwardAPIVolume, ephemeral EphemeralVolume, csi *, nfs *, iscsi *, image *
         gcePersistentDisk *, awsElasticBlockStore *, gitRepo *, glusterfs *, rbd *, flexVolume *
         cinder *, cephfs *, flocker *, fc *, azureFile *, vsphereVolume *, quobyte *, azureDisk *
         photonPersistentDisk *, portworxVolume *, scaleIO *, storageos *
        HostPathVolume: path! s, type s
        EmptyDirVolume: medium s, sizeLimit q
        SecretVolume: secretName s, items [KeyToPath], defaultMode i, optional b
        ConfigMapVolume: name s, items [KeyToPath], defaultMode i, optional b
        KeyToPath: key! s, path! s, mode i
        ClaimVolume: claimName! s, readOnly b
        ProjectedVolume: sources [VolumeProjection], defaultMode i
        VolumeProjection: secret ProjectedItems, downwardAPI DownwardAPIVolume, configMap ProjectedItems
         serviceAccountToken TokenProjection, clusterTrustBundle *, podCertificate *
        ProjectedItems: name s, items [KeyToPath], optional b
        TokenProjection: audience s, expirationSeconds i, path! s
        DownwardAPIVolume: items [DownwardAPIFile], defaultMode i
        DownwardAPIFile: path! s, fieldRef ObjectFieldSelector=, resourceFieldRef ResourceFieldSelector=
         mode i
        EphemeralVolume: volumeClaimTemplate ClaimTemplate
        ClaimTemplate: metadata ObjectMeta, spec! ClaimSpec
        PersistentVolumeClaim: apiVersion s, kind s, metadata ObjectMeta, spec ClaimSpec, status ClaimStatus
        ClaimSpec: accessModes [s], selector LabelSelector=, resources ResourceRequirements
         volumeName s, storageClassName s, volumeMode s, dataSource TypedLocalObjectReference=
         dataSourceRef TypedObjectReference, volumeAttributesClassName s
        ClaimStatus: phase s, accessModes [s], capacity {q}, conditions [PersistentVolumeClaimCondition type]
         allocatedResources {q}, allocatedResourceStatuses {s}, currentVolumeAttributesClassName s
         modifyVolumeStatus *
        PersistentVolumeClaimCondition: type! s, status! s, lastProbeTime t, lastTransitionTime t
         reason s, message s
        PersistentVolume: apiVersion s, kind s, metadata ObjectMeta, spec PersistentVolumeSpec
         status PersistentVolumeStatus
        PersistentVolumeSpec: capacity {q}, hostPath HostPathVolume, local *, csi *, nfs *, iscsi *
         accessModes [s], claimRef ObjectReference=, persistentVolumeReclaimPolicy s
         storageClassName s, mountOptions [s], volumeMode s, nodeAffinity *, volumeAttributesClassName s
        PersistentVolumeStatus: phase s, message s, reason s, lastPhaseTransitionTime t
        StorageClass: apiVersion s, kind s, metadata ObjectMeta, provisioner! s, parameters {s}
         reclaimPolicy s, mountOptions [s], allowVolumeExpansion b, volumeBindingMode s
         allowedTopologies [*]
        """

    static let workloads = """
        StatefulSet: apiVersion s, kind s, metadata ObjectMeta, spec StatefulSetSpec
         status StatefulSetStatus
        StatefulSetSpec: replicas i, selector! LabelSelector=, template! PodTemplateSpec
         volumeClaimTemplates [PersistentVolumeClaim], serviceName s, podManagementPolicy s
         updateStrategy StatefulSetUpdateStrategy, revisionHistoryLimit i, minReadySeconds i
         persistentVolumeClaimRetentionPolicy ClaimRetentionPolicy, ordinals StatefulSetOrdinals
        StatefulSetUpdateStrategy: type s, rollingUpdate RollingUpdateStatefulSet
        RollingUpdateStatefulSet: partition i, maxUnavailable q
        ClaimRetentionPolicy: whenDeleted s, whenScaled s
        StatefulSetOrdinals: start i
        StatefulSetStatus: observedGeneration i, replicas i, readyReplicas i, currentReplicas i
         updatedReplicas i, currentRevision s, updateRevision s, collisionCount i
         conditions [Condition type], availableReplicas i
        Deployment: apiVersion s, kind s, metadata ObjectMeta, spec DeploymentSpec, status DeploymentStatus
        DeploymentSpec: replicas i, selector! LabelSelector=, template! PodTemplateSpec
         strategy DeploymentStrategy~, minReadySeconds i, revisionHistoryLimit i, paused b
         progressDeadlineSeconds i
        DeploymentStrategy: type s, rollingUpdate RollingUpdateDeployment
        RollingUpdateDeployment: maxUnavailable q, maxSurge q
        DeploymentStatus: observedGeneration i, replicas i, updatedReplicas i, readyReplicas i
         availableReplicas i, unavailableReplicas i, terminatingReplicas i
         conditions [DeploymentCondition type], collisionCount i
        DeploymentCondition: type! s, status! s, lastUpdateTime t, lastTransitionTime t, reason s, message s
        ReplicaSet: apiVersion s, kind s, metadata ObjectMeta, spec ReplicaSetSpec, status ReplicaSetStatus
        ReplicaSetSpec: replicas i, minReadySeconds i, selector! LabelSelector=, template PodTemplateSpec
        ReplicaSetStatus: replicas i, fullyLabeledReplicas i, readyReplicas i, availableReplicas i
         terminatingReplicas i, observedGeneration i, conditions [Condition type]
        ControllerRevision: apiVersion s, kind s, metadata ObjectMeta, data *, revision! i
        Job: apiVersion s, kind s, metadata ObjectMeta, spec JobSpec, status JobStatus
        JobTemplateSpec: metadata ObjectMeta, spec JobSpec
        JobSpec: parallelism i, completions i, activeDeadlineSeconds i, podFailurePolicy *
         successPolicy *, backoffLimit i, backoffLimitPerIndex i, maxFailedIndexes i
         selector LabelSelector=, manualSelector b, template! PodTemplateSpec, suspend b
         ttlSecondsAfterFinished i, completionMode s, podReplacementPolicy s, managedBy s
        JobStatus: conditions [PodCondition], startTime t, completionTime t, active i, succeeded i
         failed i, terminating i, completedIndexes s, failedIndexes s, ready i
         uncountedTerminatedPods *
        CronJob: apiVersion s, kind s, metadata ObjectMeta, spec CronJobSpec, status CronJobStatus
        CronJobSpec: schedule! s, timeZone s, startingDeadlineSeconds i, concurrencyPolicy s, suspend b
         jobTemplate! JobTemplateSpec, successfulJobsHistoryLimit i, failedJobsHistoryLimit i
        CronJobStatus: active [ObjectReference=], lastScheduleTime t, lastSuccessfulTime t
        PodDisruptionBudget: apiVersion s, kind s, metadata ObjectMeta, spec PodDisruptionBudgetSpec
         status PodDisruptionBudgetStatus
        PodDisruptionBudgetSpec: minAvailable q, selector LabelSelector=, maxUnavailable q
         unhealthyPodEvictionPolicy s
        PodDisruptionBudgetStatus: observedGeneration i, disruptedPods {t}, disruptionsAllowed i
         currentHealthy i, desiredHealthy i, expectedPods i, conditions [Condition type]
        """

    static let cluster = """
        Namespace: apiVersion s, kind s, metadata ObjectMeta, spec NamespaceSpec, status NamespaceStatus
        NamespaceSpec: finalizers [s]
        NamespaceStatus: phase s, conditions [PodCondition type]
        Node: apiVersion s, kind s, metadata ObjectMeta, spec NodeSpec, status NodeStatus
        NodeSpec: podCIDR s, podCIDRs [s]=, providerID s, unschedulable b, taints [Taint], externalID s
         configSource *
        Taint: key! s, value s, effect! s, timeAdded t
        NodeStatus: capacity {q}, allocatable {q}, phase s, conditions [NodeCondition type]
         addresses [NodeAddress type], daemonEndpoints *, nodeInfo *, images [*], volumesInUse [s]
         volumesAttached [*], config *, runtimeHandlers [*], features *
        NodeCondition: type! s, status! s, lastHeartbeatTime t, lastTransitionTime t, reason s, message s
        NodeAddress: type! s, address! s
        Service: apiVersion s, kind s, metadata ObjectMeta, spec ServiceSpec, status ServiceStatus
        ServiceSpec: ports [ServicePort port,protocol], selector {s}, clusterIP s, clusterIPs [s]
         type s, externalIPs [s], sessionAffinity s, loadBalancerIP s, loadBalancerSourceRanges [s]
         externalName s, externalTrafficPolicy s, healthCheckNodePort i, publishNotReadyAddresses b
         sessionAffinityConfig *, ipFamilies [s], ipFamilyPolicy s, allocateLoadBalancerNodePorts b
         loadBalancerClass s, internalTrafficPolicy s, trafficDistribution s
        ServicePort: name s, protocol s, appProtocol s, port! i, targetPort q, nodePort i
        ServiceStatus: loadBalancer *, conditions [Condition type]
        Endpoints: apiVersion s, kind s, metadata ObjectMeta, subsets [EndpointSubset]
        EndpointSubset: addresses [EndpointAddress], notReadyAddresses [EndpointAddress]
         ports [EndpointPort]
        EndpointAddress: ip! s, hostname s, nodeName s, targetRef ObjectReference=
        EndpointPort: name s, port i, protocol s, appProtocol s
        EndpointSlice: apiVersion s, kind s, metadata ObjectMeta, addressType! s, endpoints [Endpoint]
         ports [EndpointPort]
        Endpoint: addresses! [s]=, conditions EndpointConditions, hostname s, targetRef ObjectReference=
         deprecatedTopology {s}, nodeName s, zone s, hints *
        EndpointConditions: ready b, serving b, terminating b
        ConfigMap: apiVersion s, kind s, metadata ObjectMeta, immutable b, data {s}, binaryData {y}
        Secret: apiVersion s, kind s, metadata ObjectMeta, immutable b, data {y}, stringData {s}, type s
        ServiceAccount: apiVersion s, kind s, metadata ObjectMeta, secrets [ObjectReference name]
         imagePullSecrets [LocalObjectReference], automountServiceAccountToken b
        ResourceQuota: apiVersion s, kind s, metadata ObjectMeta, spec *, status *
        LimitRange: apiVersion s, kind s, metadata ObjectMeta, spec *
        PriorityClass: apiVersion s, kind s, metadata ObjectMeta, value! i, globalDefault b
         description s, preemptionPolicy s
        NetworkPolicy: apiVersion s, kind s, metadata ObjectMeta, spec NetworkPolicySpec
        NetworkPolicySpec: podSelector LabelSelector=, ingress [NetworkPolicyRule], egress [NetworkPolicyRule]
         policyTypes [s]
        NetworkPolicyRule: ports [NetworkPolicyPort], from [NetworkPolicyPeer], to [NetworkPolicyPeer]
        NetworkPolicyPort: protocol s, port q, endPort i
        NetworkPolicyPeer: podSelector LabelSelector=, namespaceSelector LabelSelector=, ipBlock IPBlock
        IPBlock: cidr! s, except [s]
        Lease: apiVersion s, kind s, metadata ObjectMeta, spec LeaseSpec
        LeaseSpec: holderIdentity s, leaseDurationSeconds i, acquireTime t, renewTime t
         leaseTransitions i, strategy s, preferredHolder s
        EventV1Core: apiVersion s, kind s, metadata! ObjectMeta, involvedObject! ObjectReference, reason s
         message s, source EventSource, firstTimestamp t, lastTimestamp t, count i, type s, eventTime t
         series EventSeries, action s, related ObjectReference, reportingComponent s, reportingInstance s
        EventSource: component s, host s
        EventSeries: count i, lastObservedTime t
        Event: apiVersion s, kind s, metadata ObjectMeta, eventTime t, series EventSeries
         reportingController s, reportingInstance s, action s, reason s, regarding ObjectReference
         related ObjectReference, note s, type s, deprecatedSource EventSource
         deprecatedFirstTimestamp t, deprecatedLastTimestamp t, deprecatedCount i
        Scale: apiVersion s, kind s, metadata ObjectMeta, spec ScaleSpec, status ScaleStatus
        ScaleSpec: replicas i
        ScaleStatus: replicas i, selector s
        """

    static let access = """
        Role: apiVersion s, kind s, metadata ObjectMeta, rules [PolicyRule]
        ClusterRole: apiVersion s, kind s, metadata ObjectMeta, rules [PolicyRule], aggregationRule *
        PolicyRule: verbs! [s], apiGroups [s], resources [s], resourceNames [s], nonResourceURLs [s]
        RoleBinding: apiVersion s, kind s, metadata ObjectMeta, subjects [Subject], roleRef! RoleRef=
        ClusterRoleBinding: apiVersion s, kind s, metadata ObjectMeta, subjects [Subject], roleRef! RoleRef=
        Subject: kind! s, apiGroup s, name! s, namespace s
        RoleRef: apiGroup s, kind! s, name! s
        CustomResourceDefinition: apiVersion s, kind s, metadata ObjectMeta, spec! CRDSpec, status *
        CRDSpec: group! s, names! CRDNames, scope! s, versions! [CRDVersion], conversion *
         preserveUnknownFields b
        CRDNames: plural! s, singular s, shortNames [s], kind! s, listKind s, categories [s]
        CRDVersion: name! s, served! b, storage! b, deprecated b, deprecationWarning s, schema *
         subresources CRDSubresources, additionalPrinterColumns [CRDColumn], selectableFields [*]
        CRDSubresources: status *, scale CRDScale
        CRDScale: specReplicasPath! s, statusReplicasPath! s, labelSelectorPath s
        CRDColumn: name! s, type! s, format s, description s, priority i, jsonPath! s
        """

    /// What is sent and never stored.
    static let questions = """
        Eviction: apiVersion s, kind s, metadata ObjectMeta, deleteOptions DeleteOptions
        DeleteOptions: apiVersion s, kind s, gracePeriodSeconds i, preconditions Preconditions
         orphanDependents b, propagationPolicy s, dryRun [s]
        Preconditions: uid s, resourceVersion s
        Binding: apiVersion s, kind s, metadata ObjectMeta, target ObjectReference
        TokenRequest: apiVersion s, kind s, metadata ObjectMeta, spec TokenRequestSpec, status *
        TokenRequestSpec: audiences [s], expirationSeconds i, boundObjectRef *
        SelfSubjectAccessReview: apiVersion s, kind s, metadata ObjectMeta, spec AccessReviewSpec
         status *
        SubjectAccessReview: apiVersion s, kind s, metadata ObjectMeta, spec SubjectReviewSpec
         status *
        LocalSubjectAccessReview: apiVersion s, kind s, metadata ObjectMeta, spec SubjectReviewSpec
         status *
        AccessReviewSpec: resourceAttributes ResourceAttributes
         nonResourceAttributes NonResourceAttributes
        SubjectReviewSpec: resourceAttributes ResourceAttributes
         nonResourceAttributes NonResourceAttributes, user s, groups [s], uid s
        ResourceAttributes: namespace s, verb s, group s, version s, resource s, subresource s, name s
        NonResourceAttributes: path s, verb s
        SelfSubjectRulesReview: apiVersion s, kind s, metadata ObjectMeta, spec RulesReviewSpec
         status *
        RulesReviewSpec: namespace s
        SelfSubjectReview: apiVersion s, kind s, metadata ObjectMeta, status *
        TokenReview: apiVersion s, kind s, metadata ObjectMeta, spec TokenReviewSpec, status *
        TokenReviewSpec: token s, audiences [s]
        """

    static let all = [meta, pod, volume, workloads, cluster, access, questions]
}
