//! `skynet register`, `skynet unregister` and `skynet item`, with a broker.

use crate::scene::node::Node;
use crate::scene::participant::{directory, item, supervise};
use crate::scene::wire::{ENGINE, Wire};
use crate::scene::{Said, Sandbox};
use std::os::unix::fs::{PermissionsExt, symlink};

fn skynet(sandbox: &Sandbox, words: &str) -> Said {
    let mut command = sandbox.command("skynet", "BOSS");
    Said::from(command.args(words.split_whitespace()).output().unwrap())
}

#[test]
fn participants_are_registered_and_asked_about_what_they_have_in_hand() {
    let node = Node::shared();
    let vhost = node.vhost();
    let account = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let sandbox = directory(node, &vhost, &format!("runas={account}"));
    std::fs::create_dir_all(sandbox.path("BOSS/participants")).unwrap();
    std::fs::create_dir(sandbox.path("BOSS/service")).unwrap();
    std::fs::set_permissions(sandbox.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink(env!("CARGO_BIN_EXE_exo"), sandbox.path("p/exo")).unwrap();
    symlink("../../p", sandbox.path("BOSS/participants/p")).unwrap();
    let wire = Wire::new(node, vhost);
    let said = skynet(&sandbox, "register p");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.out, "p is registered: the process engine calls it by p, queue p\n");
    assert!(wire.reply(String::new).contains(r#""fields":{"name":"p","queue":"p"}"#));
    let said = skynet(&sandbox, "unregister --all");
    assert_eq!((said.code, said.out.contains("unregistered")), (0, true), "{said:?}");
    assert!(wire.reply(String::new).contains("unregister"));

    let said = skynet(&sandbox, "item p a status");
    assert_eq!((said.code, said.err.as_str()), (1, "exo: fatal: p has nothing of a in hand\n"), "{said:?}");
    let _supervise = supervise(&sandbox);
    sandbox.wait_until("it is ready", || sandbox.path("p/supervise/ready").exists());
    wire.put("p", item("a", r#""wait":true"#));
    sandbox.wait_until("a is worked on", || sandbox.read("p/worked") == "a\n");
    sandbox.wait_until("it can be asked", || skynet(&sandbox, "item p a status").code == 0);
    let said = skynet(&sandbox, "item p a cancel");
    assert_eq!((said.code, said.out.as_str()), (0, "{\"asked\":\"cancel\"}\n"), "{said:?}");
    assert_eq!(wire.take(ENGINE), None);
}
