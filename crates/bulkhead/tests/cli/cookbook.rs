//! The questions that people really ask, as the documentation writes them.

use crate::{
    program::{clean, code, in_repository, said},
    shop::{POLICY, Shop, workload},
};
use bulkhead_model::node::NodeReport;
use std::{fs, path::Path};

/// The commands of the cookbook in `docs/policy.md`, each once.
fn cookbook() -> Vec<String> {
    let page = fs::read_to_string(in_repository("docs/policy.md")).expect("the page");
    let questions = page.split("\n## Questions\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let mut commands: Vec<String> = Vec::new();
    // Text between backquotes, which may go on in the next line.
    for code in questions.expect("the cookbook").split('`').skip(1).step_by(2) {
        let command = code.split_whitespace().collect::<Vec<_>>().join(" ");
        if command.starts_with("bulkhead ") && !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_cookbook_answers_as_it_is_written() {
    let shop = Shop::open().await;
    // What the cookbook leaves to the reader: a change, manifests, and a checkout.
    let work = tempfile::tempdir().expect("temporary directory");
    let at = |path: &str| work.path().join(path);
    let policy = fs::read_to_string(in_repository("docs/examples/policy/shop.yaml")).expect("the example");
    for (path, text) in [
        ("before/redis.yaml", POLICY.to_owned()),
        ("after/redis.yaml", POLICY.replace("6379", "6380")),
        ("candidate/redis.yaml", POLICY.to_owned()),
        ("policies/redis.yaml", POLICY.to_owned()),
        (
            "manifests/shop.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: c}]}\n\
             ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: shop}\n\
             spec: {podSelector: {matchLabels: {app: web}}}\n"
                .to_owned(),
        ),
        ("docs/examples/policy/shop.yaml", policy),
    ] {
        fs::create_dir_all(at(path).parent().expect("has a parent")).expect("create");
        fs::write(at(path), text).expect("write");
    }
    for folder in ["assertions", "scan", "flows"] {
        let (from, to) = (in_repository("docs/examples").join(folder), at("docs/examples").join(folder));
        std::os::unix::fs::symlink(fs::canonicalize(from).expect("there"), to).expect("link");
    }
    for name in ["api.sarif", "front.trivy.json"] {
        let sarif = r#"{"version": "2.1.0", "runs": []}"#;
        let trivy = r#"{"SchemaVersion": 2, "ArtifactName": "nginx:1", "Results": []}"#;
        fs::write(at(name), if name.ends_with("sarif") { sarif } else { trivy }).expect("write");
    }
    let services = ["web", "redis", "api", "db"];
    shop.tell(NodeReport::Workloads(
        services.into_iter().zip(2..).map(|(n, last)| workload(n, last)).collect(),
    ))
    .await;
    shop.until(&["services", "-o", "json"], |list| {
        list["items"].as_array().is_some_and(|items| items.len() == 4)
    })
    .await;
    let commands = cookbook();
    assert!(commands.len() >= 20, "{commands:#?}");
    for command in commands {
        // Of fragments that only name a command, nothing can be asked.
        if !command.contains("{") && !command.contains("FILE") {
            let mut shell = clean("sh");
            let binary = Path::new(env!("CARGO_BIN_EXE_bulkhead"));
            let folder = binary.parent().expect("in a folder").display().to_string();
            let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
            // Nobody waits for the hour of the trial here.
            shell.args(["-c", &command.replace(" --wait", "")]).current_dir(work.path()).env("PATH", path);
            shell.env("BULKHEAD_STATE", shop.state.path());
            let output = tokio::task::spawn_blocking(move || shell.output().expect("a shell"))
                .await
                .expect("no panic");
            // 0 and 1 are answers; everything else is a mistake of the page or of the program.
            assert!(code(&output) <= 1, "{command}: {}: {}", code(&output), said(&output));
            assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{command} says nothing");
        }
    }
    shop.controller.stop().await;
}
