// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Reconcile
import Testing

@Suite struct CertificateValidityTests {
    private static let short = """
        Bag of nothing
        -----BEGIN CERTIFICATE-----
        MIIBczCCARmgAwIBAgIUdvDSgDXoRYxiavlTQ+NvKQN+v9QwCgYIKoZIzj0EAwIw
        DzENMAsGA1UEAwwEZGVtbzAeFw0yNjExMjEyMzEzMzVaFw0yNjExMjIyMzEzMzVa
        MA8xDTALBgNVBAMMBGRlbW8wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATDucOj
        9wNhSV/s6x+CUnMEyFAFgEIDfb/Q1B9l4tZ7qA0h7JizVXX1Hv3h9G//PqSuZKs6
        AL6nZDbZYFfo3/XPo1MwUTAdBgNVHQ4EFgQU98jHU4kN5AYspsZc+2c/tlupudcw
        HwYDVR0jBBgwFoAU98jHU4kN5AYspsZc+2c/tlupudcwDwYDVR0TAQH/BAUwAwEB
        /zAKBggqhkjOPQQDAgNIADBFAiEA73mB/z7gGlsv0Dy7Al3+0qWDkhxYqnbpkDqE
        oRRZ3xoCIGksmkvpfyh1Z0CwBC0ZrxKvUewZNGoF728z0YHy1d1r
        -----END CERTIFICATE-----

        """

    /// Its end is too far away for two digits of a year.
    private static let long = """
        -----BEGIN CERTIFICATE-----
        MIIBijCCATGgAwIBAgIUd1qHL1ClLWuadd2UlYyIU1wgyvwwCgYIKoZIzj0EAwIw
        GjEMMAoGA1UEAwwDb2xkMQowCAYDVQQKDAF4MCAXDTI2MTEyMTIzMTMzNloYDzIw
        ODEwODI0MjMxMzM2WjAaMQwwCgYDVQQDDANvbGQxCjAIBgNVBAoMAXgwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAATyiiFWnbZyC9OxepwAV16Gvp7D4lSf2B3qiYCJ
        WCf0Qm0zEMiWg81YM7iFL5FH0Zt5VFjpvkDGAF+SHVC7INCzo1MwUTAdBgNVHQ4E
        FgQUSl2I5fMdtv/LHQ72y8VFF0AY11gwHwYDVR0jBBgwFoAUSl2I5fMdtv/LHQ72
        y8VFF0AY11gwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBApXoP
        AT6qhgRlkyh/y7f+6fikjsQKWi/VTd0mOofLjgIgFbsDQqSlC6mMvVA0F2Bqh3NT
        pvg8GQgvxfoJO6w8oVw=
        -----END CERTIFICATE-----
        """

    private func times(_ pem: String) -> [String]? {
        CertificateValidity(pem: Array(pem.utf8)).map {
            [$0.notBefore, $0.notAfter].map { KubeTime.seconds($0.nanoseconds) }
        }
    }

    @Test func `both ways of writing a time are read`() {
        #expect(times(Self.short) == ["2026-11-21T23:13:35Z", "2026-11-22T23:13:35Z"])
        #expect(times(Self.long) == ["2026-11-21T23:13:36Z", "2081-08-24T23:13:36Z"])
        #expect(times(Self.short + Self.long) == times(Self.short))
        for nothing in ["", "c", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
            #expect(times(nothing) == nil)
        }
    }

    @Test func `broken certificates are refused and do no harm`() throws {
        let seed = UInt64(20_261_121)
        print("seed \(seed)")
        var random = Random(seed: seed)
        let body = Self.long.split(separator: "\n").dropFirst().dropLast().joined()
        let whole = try #require(Base64.decode(body))
        let read = try #require(CertificateValidity(der: whole))
        for length in 0..<100 {
            #expect(CertificateValidity(der: Array(whole.prefix(length))) == nil)
        }
        for _ in 0..<20_000 {
            var broken = whole
            for _ in 0...random.below(3) {
                broken[Int(random.below(120))] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let found = CertificateValidity(der: broken) else { continue }
            // Whatever it says, it can be reckoned with.
            #expect(found.notAfter - found.notBefore >= .zero)
            #expect(found.notAfter - read.notBefore < .seconds(400 * 366 * 86_400))
        }
    }
}
