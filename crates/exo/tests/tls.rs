//! URLs, and brokers that are reached by TLS.

use crate::scene::Said;
use crate::scene::node::{Extra, Node, Port};
use crate::scene::participant::Participant;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Makes two authorities, of which `ca` has signed the certificates of the broker and of the users boss and stranger, and
/// `other` that of a boss of its own.
const PKI: &str = r#"
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -keyout "$1.key" -out "$1.pem" -subj "/CN=$1"
}
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -keyout "$2.key" -out "$2.csr" -subj "/CN=$3"
    printf '%s\n' "$4" >"$2.ext"
    openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 2 -extfile "$2.ext" -out "$2.pem"
}
authority ca
authority other
certificate ca broker localhost 'subjectAltName=DNS:localhost'
certificate ca boss boss 'extendedKeyUsage=clientAuth'
certificate ca stranger stranger 'extendedKeyUsage=clientAuth'
certificate other forged boss 'extendedKeyUsage=clientAuth'
cat boss.pem boss.key >both.pem
"#;

/// A node that listens with TLS, too.
struct Secure {
    node: Node,
    port: u16,
    _port: Port,
}

fn secure() -> &'static Secure {
    static SECURE: OnceLock<Secure> = OnceLock::new();
    SECURE.get_or_init(|| {
        let port = Port::reserve();
        let node = Node::with(|directory| extra(directory, port.number));
        node.start();
        Secure { node, port: port.number, _port: port }
    })
}

/// What a node has that listens on this port with TLS.
pub fn extra(directory: &Path, port: u16) -> Extra {
    let made = Command::new("sh").args(["-ec", PKI]).current_dir(directory).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let path = |name: &str| directory.join(name).display().to_string();
    let config = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = false\n\
         auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\nssl_cert_login_from = common_name\n",
        path("ca.pem"),
        path("broker.pem"),
        path("broker.key")
    );
    Extra { config, plugins: "rabbitmq_auth_mechanism_ssl" }
}

/// A participant of that node that does not run, and is reached by TLS with these settings of `[boss]`.
fn participant(host: &str, boss: &str) -> Participant {
    let secure = secure();
    let directory = secure.node.directory.display().to_string();
    let host = format!("amqps://{host}:{}", secure.port);
    let boss = boss.replace("DIR", &directory);
    Participant::of(&secure.node, &format!("[boss]\namqp_host={host}\n{boss}"))
}

#[track_caller]
fn works(boss: &str) {
    let mut participant = participant("localhost", boss);
    participant.start();
    participant.wait_until_ready();
    participant.put("a", "");
    assert!(participant.reply().contains(r#""wfid":"a""#));
    participant.svc("-d");
    assert_eq!(participant.end(), "exited 0");
}

/// It must end with 111, and say this.
#[track_caller]
fn refused(host: &str, boss: &str, texts: &[&str]) {
    let participant = participant(host, boss);
    let said = participant.sandbox.exo("p", &["config.exo"], "");
    assert_eq!(said.code, 111, "{said:?}");
    for text in texts {
        assert!(said.out.contains(text), "{text}: {said:?}");
    }
}

#[test]
fn a_broker_is_reached_by_tls() {
    works("amqp_ca=DIR/ca.pem");
    works("amqp_ca=DIR/ca.pem\namqp_cert=DIR/boss.pem\namqp_key=DIR/boss.key");
}

#[test]
fn a_certificate_is_a_login() {
    works("amqp_login=external\namqp_user=x\namqp_ca=DIR/ca.pem\namqp_cert=DIR/both.pem");
    let stranger =
        "amqp_login=external\namqp_ca=DIR/ca.pem\namqp_cert=DIR/stranger.pem\namqp_key=DIR/stranger.key";
    refused(
        "localhost",
        stranger,
        &["does not accept this certificate as the name of a user: change amqp_cert in "],
    );
}

#[test]
fn certificates_that_are_not_trusted_are_told_with_what_to_change() {
    let untrusted = "has a certificate that is not trusted: ";
    refused("localhost", "", &[untrusted, "set amqp_ca in [boss]", "UnknownIssuer"]);
    refused("localhost", "amqp_ca=DIR/other.pem", &[untrusted, "change amqp_ca in [boss]"]);
    refused("127.0.0.1", "amqp_ca=DIR/ca.pem", &[untrusted, "not valid for name"]);
    let forged = "amqp_ca=DIR/ca.pem\namqp_cert=DIR/forged.pem\namqp_key=DIR/forged.key";
    refused(
        "localhost",
        forged,
        &["does not accept us by TLS: change amqp_cert in [boss]", "received fatal alert"],
    );
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let tls = "cannot be reached by TLS: ";
    refused(
        "localhost",
        "amqp_ca=DIR/none.pem",
        &[tls, "unable to read", "No such file", "change amqp_ca in"],
    );
    refused("localhost", "amqp_ca=DIR/ca.key", &[tls, "ca.key has no certificate"]);
    let wrong = "amqp_ca=DIR/ca.pem\namqp_cert=DIR/boss.pem\namqp_key=DIR/broker.key";
    refused("localhost", wrong, &[tls, "boss.pem is not accepted: ", "change amqp_cert in"]);
    refused("localhost", "amqp_ca=DIR/ca.pem\namqp_cert=DIR/boss.pem", &[tls, "boss.pem has no key"]);
}

/// Runs exo with a password that must not be shown.
#[track_caller]
fn with_host(host: &str, boss: &str) -> (Participant, Said) {
    let participant = Participant::new("");
    let host =
        host.replace("PORT", &Node::shared().port.to_string()).replace("VHOST", &participant.wire.vhost);
    participant.sandbox.write("p/config.exo", &format!("[boss]\namqp_host={host}\n{boss}\n"));
    let said = participant.sandbox.exo("p", &["config.exo"], "");
    assert!(!said.out.contains("s3cret") && !said.err.contains("s3cret"), "{said:?}");
    (participant, said)
}

#[test]
fn a_url_has_all_that_is_needed() {
    let mut participant = Participant::new("");
    let vhost = participant.wire.vhost.clone();
    let host = format!("amqp://boss:boss@127.0.0.1:{}/{vhost}", Node::shared().port);
    participant.sandbox.write("p/config.exo", &format!("[boss]\namqp_host={host}\namqp_user=x\n"));
    participant.start();
    participant.wait_until_ready();
    participant.put("a", "");
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn what_is_wrong_in_a_url_is_told_without_the_password() {
    let (_, said) = with_host("amqp://boss:s3cret@127.0.0.1:PORT/VHOST", "");
    assert!(
        said.code == 111 && said.out.contains("the user boss with this password: change amqp_host in"),
        "{said:?}"
    );
    let (_, said) = with_host("amqp://boss:boss@127.0.0.1:PORT/gone", "amqp_pwd=s3cret");
    assert!(
        said.code == 111 && said.out.contains("has no virtual host gone: change amqp_host in"),
        "{said:?}"
    );
    let check = |host: &str, boss: &str, text: &str| {
        let (_, said) = with_host(host, boss);
        assert!(said.code == 100 && said.err.contains(text), "{text}: {said:?}");
    };
    check(
        "amqp://boss:s3cret@h:x/v",
        "",
        "amqp_host is a URL without HOST:PORT: change amqp_host in [boss] of ",
    );
    check("http://boss:s3cret@h", "", "amqp_host is no URL of a broker");
    check("boss:s3cret@h", "", "amqp_host is no HOST:PORT");
    check("a;b", "", "a;b is no HOST:PORT: change amqp_host in");
    check(",", "", "amqp_host names no host");
    check("h", "amqp_login=kerberos", "kerberos is neither plain nor external: change amqp_login in");
    check("h", "amqp_login=external", "amqp_login=external needs amqp_cert, and amqps:// in amqp_host");
}
