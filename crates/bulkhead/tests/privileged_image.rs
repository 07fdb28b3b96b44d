//! The container image, built and run as its recipe says, beside a Docker of its own.

use bulkhead_testkit::{Dockerd, image, require_root, run_ok, wait_until};
use std::{path::Path, process::Command, time::Duration};

/// A safety net for a broken machine.
const LONG: Duration = Duration::from_secs(90);
const PORT: &str = "6379";

/// Builds the image of the binary under test, without its debug information, and loads it. Returns its name.
fn load(dockerd: &Dockerd) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    run_ok("objcopy", &["--strip-debug", env!("CARGO_BIN_EXE_bulkhead"), &at("bulkhead")]);
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/image/build");
    let built = Command::new(recipe).args(["--binary", &at("bulkhead"), &at("image.tar")]).output();
    let built = built.expect("the recipe starts");
    let said = [built.stdout, built.stderr].concat();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&said));
    let loaded = dockerd.docker(&["load", "-i", &at("image.tar")]);
    loaded.strip_prefix("Loaded image: ").expect("one image").to_owned()
}

/// The options of the recipe's first lines, as they stand there.
fn options_of_the_recipe() -> Vec<String> {
    let recipe = include_str!("../../../deploy/image/build");
    let from = recipe.find("docker run -d").expect("the recipe says how it runs");
    let (command, _) = recipe[from..].split_once("bulkhead:VERSION").expect("and what");
    command.split_whitespace().filter(|word| !["#", "\\"].contains(word)).skip(1).map(str::to_owned).collect()
}

#[test]
fn the_image_runs_as_its_recipe_says_and_confines_a_container_also_when_it_is_gone() {
    let test = "the_image_runs_as_its_recipe_says_and_confines_a_container_also_when_it_is_gone";
    if !require_root(test) {
        return;
    }
    // As an init system leaves it; a room keeps its mounts to itself.
    run_ok("mount", &["--make-shared", "/run"]);
    let dockerd = Dockerd::start();
    let name = load(&dockerd);
    image::busybox(&dockerd);
    let socket = dockerd.socket().display().to_string();
    let state = tempfile::tempdir().expect("a temporary folder");
    let bulkhead = |options: &[&str], command: &[&str]| {
        let mut all = options_of_the_recipe();
        // The state of this test, not of a Bulkhead that this host may run.
        let volume = all.iter_mut().find(|word| word.ends_with(":/var/lib/bulkhead")).expect("a volume");
        *volume = format!("{}:/var/lib/bulkhead", state.path().display());
        all.retain(|word| {
            !(options.contains(&"--rm") && ["-d", "--restart=always"].contains(&word.as_str()))
        });
        all.extend(options.iter().map(|word| (*word).to_owned()));
        all.push(name.clone());
        all.extend(command.iter().map(|word| (*word).to_owned()));
        dockerd.docker(&all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let ask =
        |arguments: &[&str]| dockerd.docker_output(&[&["exec", "bulkhead", "bulkhead"], arguments].concat());
    bulkhead(&[], &["up", "--docker-socket", &socket, "--containerd-socket", "/run/none.sock"]);
    let start = |name: &str, command: &[&str]| {
        let run = ["run", "-d", "--name", name, "--network", "shop", image::BUSYBOX];
        dockerd.docker(&[&run, command].concat());
    };
    dockerd.docker(&["network", "create", "shop"]);
    start("redis", &["nc", "-ll", "-p", PORT, "-e", "cat"]);
    for client in ["web", "stranger"] {
        start(client, &["sleep", "100000"]);
    }
    let reaches = |client: &str| {
        let act = format!("echo ping | nc -w 2 redis {PORT}");
        dockerd.docker_output(&["exec", client, "sh", "-c", &act]).stdout.contains("ping")
    };
    let known = || ask(&["services"]).stdout.contains("default/redis");
    let log = || dockerd.docker_output(&["logs", "bulkhead"]).stderr;
    assert!(wait_until(LONG, || known() && reaches("web")), "{}\n{}", ask(&["status"]).stdout, log());
    let learned = || ask(&["graph"]).stdout.contains("default/web");
    assert!(wait_until(LONG, learned), "{}\n{}", ask(&["graph"]).stdout, log());
    let enforced = ask(&["mode", "default/redis", "enforce", "--yes"]);
    assert!(enforced.success, "{}{}", enforced.stdout, enforced.stderr);
    // What has to be said of this host is said of the host, not of the container.
    let check = ask(&["check", "--docker-socket", &socket]);
    assert!(check.stdout.contains("cgroup") && !check.stdout.contains('×'), "{}{}", check.stdout, log());
    assert!(wait_until(LONG, || !reaches("stranger")), "{}", log());
    assert!(wait_until(LONG, || reaches("web")), "{}", log());
    dockerd.docker(&["rm", "-f", "bulkhead"]);
    assert!(!reaches("stranger") && reaches("web"), "the kernel keeps what it enforces");
    bulkhead(&["--rm"], &["down", "--remove"]);
    assert!(wait_until(LONG, || reaches("stranger")), "nothing is left");
}
