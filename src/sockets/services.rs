//! Service names that listings print instead of port numbers when nobody asked for `-n`.
//!
//! The commonest of the IANA registry (and the aliases that /etc/services files add); not a copy of it.

/// The TCP port of a service, if it is one of the commonest. Case does not matter.
pub(crate) fn port(name: &str) -> Option<u16> {
    SERVICES.iter().find(|(service, _)| service.eq_ignore_ascii_case(name)).map(|(_, port)| *port)
}

const SERVICES: &[(&str, u16)] = &[
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("mail", 25),
    ("time", 37),
    ("nameserver", 42),
    ("domain", 53),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("www", 80),
    ("www-http", 80),
    ("kerberos", 88),
    ("kerberos-sec", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("portmapper", 111),
    ("rpcbind", 111),
    ("auth", 113),
    ("ident", 113),
    ("nntp", 119),
    ("ntp", 123),
    ("epmap", 135),
    ("loc-srv", 135),
    ("netbios-ns", 137),
    ("netbios-ssn", 139),
    ("imap", 143),
    ("imap2", 143),
    ("snmp", 161),
    ("bgp", 179),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("submissions", 465),
    ("smtps", 465),
    ("login", 513),
    ("shell", 514),
    ("printer", 515),
    ("rtsp", 554),
    ("submission", 587),
    ("ipp", 631),
    ("ldaps", 636),
    ("rsync", 873),
    ("imaps", 993),
    ("pop3s", 995),
    ("socks", 1080),
    ("ms-sql-s", 1433),
    ("ncube-lm", 1521),
    ("oracle", 1521),
    ("nfs", 2049),
    ("nfsd", 2049),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("svn", 3690),
    ("epmd", 4369),
    ("sip", 5060),
    ("xmpp-client", 5222),
    ("postgresql", 5432),
    ("postgres", 5432),
    ("amqp", 5672),
    ("wsman", 5985),
    ("x11", 6000),
    ("redis", 6379),
    ("http-alt", 8080),
    ("webcache", 8080),
    ("http-proxy", 8080),
    ("https-alt", 8443),
    ("bacula-dir", 9101),
    ("memcache", 11211),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (at, (name, number)) in SERVICES.iter().enumerate() {
            assert_eq!(port(name), Some(*number));
            assert!(SERVICES[..at].iter().all(|(earlier, _)| earlier != name), "{name} twice");
        }
        assert_eq!(port("HTTPS"), Some(443));
        assert_eq!(port("no-such-service"), None);
    }
}
