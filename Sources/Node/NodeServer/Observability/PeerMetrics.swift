// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Program

/// What goes to and comes from peers.
final class PeerMetrics {
    private let sent: MetricFamily<Counter>
    private let received: MetricFamily<Counter>
    private let sendFailures: MetricFamily<Counter>
    private let roundTrip: MetricFamily<Histogram>
    private let active: MetricFamily<Gauge>
    private let disconnected: MetricFamily<Counter>
    private let snapshotSent: MetricFamily<Counter>
    private let snapshotSendFailures: MetricFamily<Counter>
    private let snapshotReceived: MetricFamily<Counter>

    init(_ registry: MetricRegistry) {
        sent = registry.counters(
            "etcd_network_peer_sent_bytes_total", "The total number of bytes sent to peers.",
            labels: ["To"])
        received = registry.counters(
            "etcd_network_peer_received_bytes_total",
            "The total number of bytes received from peers.", labels: ["From"])
        sendFailures = registry.counters(
            "etcd_network_peer_sent_failures_total",
            "The total number of send failures from peers.", labels: ["To"])
        roundTrip = registry.histograms(
            "etcd_network_peer_round_trip_time_seconds",
            "Round-Trip-Time histogram between peers", labels: ["To"],
            bounds: Histogram.exponential(start: 0.0001, factor: 2, count: 16))
        active = registry.gauges(
            "etcd_network_active_peers", "The current number of active peer connections.",
            labels: ["Local", "Remote"])
        disconnected = registry.counters(
            "etcd_network_disconnected_peers_total", "The total number of disconnected peers.",
            labels: ["Local", "Remote"])
        snapshotSent = registry.counters(
            "etcd_network_snapshot_send_success", "Total number of successful snapshot sends",
            labels: ["To"])
        snapshotSendFailures = registry.counters(
            "etcd_network_snapshot_send_failures", "Total number of snapshot send failures",
            labels: ["To"])
        snapshotReceived = registry.counters(
            "etcd_network_snapshot_receive_success",
            "Total number of successful snapshot receives", labels: ["From"])
    }

    func sent(_ count: Int, to peer: MemberID) { sent.with("\(peer)").add(UInt64(count)) }
    func received(_ count: Int, from peer: MemberID) { received.with("\(peer)").add(UInt64(count)) }
    func sendFailed(to peer: MemberID) { sendFailures.with("\(peer)").add() }
    func roundTrip(_ took: Duration, to peer: MemberID) { roundTrip.with("\(peer)").observe(took) }

    func setActive(_ isActive: Bool, _ peer: MemberID, own: MemberID) {
        let before = active.with("\(own)", "\(peer)").value
        active.with("\(own)", "\(peer)").set(isActive ? Int64(1) : 0)
        if !isActive, before != 0 { disconnected.with("\(own)", "\(peer)").add() }
    }

    func snapshotSent(to peer: MemberID, _ succeeded: Bool) {
        (succeeded ? snapshotSent : snapshotSendFailures).with("\(peer)").add()
    }

    func snapshotReceived(from peer: MemberID) { snapshotReceived.with("\(peer)").add() }
}
