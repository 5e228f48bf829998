// SPDX-License-Identifier: Apache-2.0

// A Kubernetes for one machine: the API of SandboxAPI over HTTPS, its built-in controllers, and
// pods that are processes.
//
//   SandboxProgram  command line in, exit code out
//   Sandbox         the one thread: API, controllers, kubelet, and the order in which they work
//   Server/         HTTPS, identities, watches, logs, commands in pods
//   Life/           what a pod goes through, as a pure machine
//   Pods/           processes, folders for volumes, addresses, names, probes
//   Control/        faults on demand: `keelson-sandbox kill pod/x`
//
//        kubectl, operator ─► APIPort ─► SandboxAPI ◄─ BuiltInControllers
//                                            ▲ status      │ pods
//                                            └── Kubelet ◄─┘ ─► ProcessPod ─► processes
//
// Every pod has an address of its own in 127.0.0.0/8, so all may use the same ports. A pod sees the
// files of the machine; paths of its mounts are replaced in its command, its arguments and its
// environment by where the volumes are. Names of services are in a file that programs of ours find
// by KEELSON_HOSTS. Processes die with the sandbox, and nothing of it outlives a restart but the
// folder, which the next run empties.
