// SPDX-License-Identifier: Apache-2.0

/// The numbers by which the protobuf form of Kubernetes' types names their fields. A line is
/// `Type: field number, …`; `@Other number` is a message whose fields belong to the type itself.
/// Fields that are not here are not read: `ProtobufBody` refuses a message that has them.
enum ProtobufNumbers {
    static let tables: [String: [UInt64: String]] = {
        var tables: [String: [UInt64: String]] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            var table: [UInt64: String] = [:]
            for field in line[line.index(after: colon)...].split(separator: ",") {
                let parts = field.split(separator: " ")
                guard parts.count == 2, let number = UInt64(parts[1]) else {
                    fatalError("field '\(field)' of \(line[..<colon]) has no number")
                }
                table[number] = String(parts[0])
            }
            tables[String(line[..<colon])] = table
        }
        return tables
    }()

    private static let text = """
        ObjectMeta: name 1, generateName 2, namespace 3, selfLink 4, uid 5, resourceVersion 6, generation 7, creationTimestamp 8, deletionTimestamp 9, deletionGracePeriodSeconds 10, labels 11, annotations 12, ownerReferences 13, finalizers 14, managedFields 17
        OwnerReference: kind 1, name 3, uid 4, apiVersion 5, controller 6, blockOwnerDeletion 7
        ManagedFieldsEntry: manager 1, operation 2, apiVersion 3, time 4, fieldsType 6, fieldsV1 7, subresource 8
        LabelSelector: matchLabels 1, matchExpressions 2
        LabelSelectorRequirement: key 1, operator 2, values 3
        ObjectReference: kind 1, namespace 2, name 3, uid 4, apiVersion 5, resourceVersion 6, fieldPath 7
        LocalObjectReference: name 1
        TypedLocalObjectReference: apiGroup 1, kind 2, name 3
        TypedObjectReference: apiGroup 1, kind 2, name 3, namespace 4
        DeleteOptions: gracePeriodSeconds 1, preconditions 2, orphanDependents 3, propagationPolicy 4, dryRun 5
        Preconditions: uid 1, resourceVersion 2
        Eviction: metadata 1, deleteOptions 2
        Binding: metadata 1, target 2
        Pod: metadata 1, spec 2, status 3
        PodTemplateSpec: metadata 1, spec 2
        PodSpec: volumes 1, containers 2, restartPolicy 3, terminationGracePeriodSeconds 4, activeDeadlineSeconds 5, dnsPolicy 6, nodeSelector 7, serviceAccountName 8, serviceAccount 9, nodeName 10, hostNetwork 11, hostPID 12, hostIPC 13, securityContext 14, imagePullSecrets 15, hostname 16, subdomain 17, affinity 18, schedulerName 19, initContainers 20, automountServiceAccountToken 21, tolerations 22, hostAliases 23, priorityClassName 24, priority 25, dnsConfig 26, shareProcessNamespace 27, readinessGates 28, runtimeClassName 29, enableServiceLinks 30, preemptionPolicy 31, overhead 32, topologySpreadConstraints 33, setHostnameAsFQDN 35, os 36, hostUsers 37, schedulingGates 38, resourceClaims 39
        HostAlias: ip 1, hostnames 2
        Toleration: key 1, operator 2, value 3, effect 4, tolerationSeconds 5
        TopologySpreadConstraint: maxSkew 1, topologyKey 2, whenUnsatisfiable 3, labelSelector 4, minDomains 5, nodeAffinityPolicy 6, nodeTaintsPolicy 7, matchLabelKeys 8
        PodSecurityContext: seLinuxOptions 1, runAsUser 2, runAsNonRoot 3, supplementalGroups 4, fsGroup 5, runAsGroup 6, sysctls 7, fsGroupChangePolicy 9, seccompProfile 10, appArmorProfile 11, supplementalGroupsPolicy 12, seLinuxChangePolicy 13
        SELinuxOptions: user 1, role 2, type 3, level 4
        Sysctl: name 1, value 2
        SeccompProfile: type 1, localhostProfile 2
        Affinity: nodeAffinity 1, podAffinity 2, podAntiAffinity 3
        NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution 1, preferredDuringSchedulingIgnoredDuringExecution 2
        NodeSelector: nodeSelectorTerms 1
        NodeSelectorTerm: matchExpressions 1, matchFields 2
        PreferredSchedulingTerm: weight 1, preference 2
        PodAffinity: requiredDuringSchedulingIgnoredDuringExecution 1, preferredDuringSchedulingIgnoredDuringExecution 2
        PodAffinityTerm: labelSelector 1, namespaces 2, topologyKey 3, namespaceSelector 4, matchLabelKeys 5, mismatchLabelKeys 6
        WeightedPodAffinityTerm: weight 1, podAffinityTerm 2
        Container: name 1, image 2, command 3, args 4, workingDir 5, ports 6, env 7, resources 8, volumeMounts 9, livenessProbe 10, readinessProbe 11, lifecycle 12, terminationMessagePath 13, imagePullPolicy 14, securityContext 15, stdin 16, stdinOnce 17, tty 18, envFrom 19, terminationMessagePolicy 20, volumeDevices 21, startupProbe 22, resizePolicy 23, restartPolicy 24
        ContainerResizePolicy: resourceName 1, restartPolicy 2
        ContainerPort: name 1, hostPort 2, containerPort 3, protocol 4, hostIP 5
        EnvFromSource: prefix 1, configMapRef 2, secretRef 3
        EnvSourceRef: @LocalObjectReference 1, optional 2
        EnvVar: name 1, value 2, valueFrom 3
        EnvVarSource: fieldRef 1, resourceFieldRef 2, configMapKeyRef 3, secretKeyRef 4
        ObjectFieldSelector: apiVersion 1, fieldPath 2
        ResourceFieldSelector: containerName 1, resource 2, divisor 3
        KeySelector: @LocalObjectReference 1, key 2, optional 3
        ResourceRequirements: limits 1, requests 2, claims 3
        ResourceClaim: name 1, request 2
        VolumeMount: name 1, readOnly 2, mountPath 3, subPath 4, mountPropagation 5, subPathExpr 6, recursiveReadOnly 7
        VolumeDevice: name 1, devicePath 2
        Probe: @ProbeHandler 1, initialDelaySeconds 2, timeoutSeconds 3, periodSeconds 4, successThreshold 5, failureThreshold 6, terminationGracePeriodSeconds 7
        ProbeHandler: exec 1, httpGet 2, tcpSocket 3, grpc 4
        ExecAction: command 1
        HTTPGetAction: path 1, port 2, host 3, scheme 4, httpHeaders 5
        HTTPHeader: name 1, value 2
        TCPSocketAction: port 1, host 2
        GRPCAction: port 1, service 2
        SleepAction: seconds 1
        Lifecycle: postStart 1, preStop 2
        LifecycleHandler: exec 1, httpGet 2, tcpSocket 3, sleep 4
        SecurityContext: capabilities 1, privileged 2, seLinuxOptions 3, runAsUser 4, runAsNonRoot 5, readOnlyRootFilesystem 6, allowPrivilegeEscalation 7, runAsGroup 8, procMount 9, seccompProfile 11, appArmorProfile 12
        Capabilities: add 1, drop 2
        Volume: name 1, @VolumeSource 2
        VolumeSource: hostPath 1, emptyDir 2, secret 6, persistentVolumeClaim 10, downwardAPI 16, configMap 19, projected 26, ephemeral 29
        HostPathVolume: path 1, type 2
        EmptyDirVolume: medium 1, sizeLimit 2
        SecretVolume: secretName 1, items 2, defaultMode 3, optional 4
        ConfigMapVolume: @LocalObjectReference 1, items 2, defaultMode 3, optional 4
        KeyToPath: key 1, path 2, mode 3
        ClaimVolume: claimName 1, readOnly 2
        ProjectedVolume: sources 1, defaultMode 2
        VolumeProjection: secret 1, downwardAPI 2, configMap 3, serviceAccountToken 4
        ProjectedItems: @LocalObjectReference 1, items 2, optional 4
        TokenProjection: audience 1, expirationSeconds 2, path 3
        DownwardAPIVolume: items 1, defaultMode 2
        DownwardAPIFile: path 1, fieldRef 2, resourceFieldRef 3, mode 4
        EphemeralVolume: volumeClaimTemplate 1
        ClaimTemplate: metadata 1, spec 2
        ClaimSpec: accessModes 1, resources 2, volumeName 3, selector 4, storageClassName 5, volumeMode 6, dataSource 7, dataSourceRef 8, volumeAttributesClassName 9
        Deployment: metadata 1, spec 2, status 3
        DeploymentSpec: replicas 1, selector 2, template 3, strategy 4, minReadySeconds 5, revisionHistoryLimit 6, paused 7, progressDeadlineSeconds 9
        DeploymentStrategy: type 1, rollingUpdate 2
        RollingUpdateDeployment: maxUnavailable 1, maxSurge 2
        DeploymentStatus: observedGeneration 1, replicas 2, updatedReplicas 3, availableReplicas 4, unavailableReplicas 5, readyReplicas 7, collisionCount 8
        Job: metadata 1, spec 2, status 3
        JobTemplateSpec: metadata 1, spec 2
        JobSpec: parallelism 1, completions 2, activeDeadlineSeconds 3, selector 4, manualSelector 5, template 6, backoffLimit 7, ttlSecondsAfterFinished 8, completionMode 9, suspend 10, backoffLimitPerIndex 12, maxFailedIndexes 13, podReplacementPolicy 14, managedBy 15
        JobStatus: startTime 2, completionTime 3, active 4, succeeded 5, failed 6, completedIndexes 7, ready 9, failedIndexes 10, terminating 11
        CronJob: metadata 1, spec 2, status 3
        CronJobSpec: schedule 1, startingDeadlineSeconds 2, concurrencyPolicy 3, suspend 4, jobTemplate 5, successfulJobsHistoryLimit 6, failedJobsHistoryLimit 7, timeZone 8
        CronJobStatus: active 1, lastScheduleTime 4, lastSuccessfulTime 5
        PodDisruptionBudget: metadata 1, spec 2, status 3
        PodDisruptionBudgetSpec: minAvailable 1, selector 2, maxUnavailable 3, unhealthyPodEvictionPolicy 4
        PodDisruptionBudgetStatus: observedGeneration 1, disruptionsAllowed 3, currentHealthy 4, desiredHealthy 5, expectedPods 6
        Namespace: metadata 1, spec 2, status 3
        NamespaceSpec: finalizers 1
        NamespaceStatus: phase 1
        Service: metadata 1, spec 2, status 3
        ServiceSpec: ports 1, selector 2, clusterIP 3, type 4, externalIPs 5, sessionAffinity 7, loadBalancerIP 8, loadBalancerSourceRanges 9, externalName 10, externalTrafficPolicy 11, healthCheckNodePort 12, publishNotReadyAddresses 13, ipFamilyPolicy 17, clusterIPs 18, ipFamilies 19, allocateLoadBalancerNodePorts 20, loadBalancerClass 21, internalTrafficPolicy 22
        ServicePort: name 1, protocol 2, port 3, targetPort 4, nodePort 5, appProtocol 6
        ServiceStatus: loadBalancer 1
        ConfigMap: metadata 1, data 2, binaryData 3, immutable 4
        Secret: metadata 1, data 2, type 3, stringData 4, immutable 5
        ServiceAccount: metadata 1, secrets 2, imagePullSecrets 3, automountServiceAccountToken 4
        PriorityClass: metadata 1, value 2, globalDefault 3, description 4, preemptionPolicy 5
        Lease: metadata 1, spec 2
        LeaseSpec: holderIdentity 1, leaseDurationSeconds 2, acquireTime 3, renewTime 4, leaseTransitions 5
        Role: metadata 1, rules 2
        ClusterRole: metadata 1, rules 2
        PolicyRule: verbs 1, apiGroups 2, resources 3, resourceNames 4, nonResourceURLs 5
        RoleBinding: metadata 1, subjects 2, roleRef 3
        ClusterRoleBinding: metadata 1, subjects 2, roleRef 3
        Subject: kind 1, apiGroup 2, name 3, namespace 4
        RoleRef: apiGroup 1, kind 2, name 3
        TokenRequest: metadata 1, spec 2, status 3
        TokenRequestSpec: audiences 1, expirationSeconds 4
        SelfSubjectAccessReview: metadata 1, spec 2, status 3
        SubjectAccessReview: metadata 1, spec 2, status 3
        LocalSubjectAccessReview: metadata 1, spec 2, status 3
        AccessReviewSpec: resourceAttributes 1, nonResourceAttributes 2
        SubjectReviewSpec: resourceAttributes 1, nonResourceAttributes 2, user 3, groups 4, uid 6
        ResourceAttributes: namespace 1, verb 2, group 3, version 4, resource 5, subresource 6, name 7
        NonResourceAttributes: path 1, verb 2
        SelfSubjectRulesReview: metadata 1, spec 2, status 3
        RulesReviewSpec: namespace 1
        SelfSubjectReview: metadata 1, status 2
        TokenReview: metadata 1, spec 2, status 3
        TokenReviewSpec: token 1, audiences 2
        """
}
