// SPDX-License-Identifier: Apache-2.0

// Kubernetes objects, requests and answers, as values; our own resources.
//
//   ResourceKind     what there is: group, version, kind, plural, subresources
//   KubeObject       any object, as JSON: what we do not know survives
//   KubeMap          labels and annotations
//   ObjectKey        which object: kind, namespace, name
//   Selectors/       label and field selectors, from text and from JSON
//   Exchange/        KubeRequest, KubeResponse, StatusError, PatchType
//   Watching/        WatchEvent, and the decoder of a watch's lines
//   Values/          quantities, times, merge patches (RFC 7386), JSON patches (RFC 6902)
//   Config/          kubeconfig files: whom to ask, and as whom
//   Resources/       the typed resources of keelson.dev
//
// Nothing here talks to anybody. Bytes of strangers end in a typed error, never in a trap.
