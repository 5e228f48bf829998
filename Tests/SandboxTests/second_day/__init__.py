# SPDX-License-Identifier: Apache-2.0
# The operator's second day, told on real processes. `stories.py` beside this folder is the door.
#
#   etcd        a member asked from outside; the writer and the watcher beside a cluster
#   world       the sandbox, the operators, looks at the API
#   cluster     one EtcdCluster, and what must hold of it
#   play        the cluster that most stories share
#   rolls, stores, orders, operators, losses, endings     the stories, a function each
