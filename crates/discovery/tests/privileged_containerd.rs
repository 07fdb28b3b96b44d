//! A real containerd with real containers.

use bulkhead_discovery::{
    Backoff, Discovery, Runtime, Update, containerd::Containerd, docker::Docker, watch_runtimes,
};
use bulkhead_model::{Attachment, Workload, WorkloadId};
use bulkhead_testkit::{Child, Dockerd, Network, image, require_root, run_ok, wait_until};
use std::{
    net::IpAddr,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::time::timeout;

/// Far beyond what anything here takes; it turns a hang into a failure.
const SAFETY_NET: Duration = Duration::from_secs(120);

/// A containerd of its own. Its containers end with it.
struct PrivateContainerd {
    process: Option<Child>,
    folder: tempfile::TempDir,
}

impl PrivateContainerd {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("bulkhead-containerd-").tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let configuration = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = {:?}\n[ttrpc]\naddress = {:?}\n",
            path("root"),
            path("state"),
            path("containerd.sock"),
            path("ttrpc.sock")
        );
        std::fs::write(path("config.toml"), configuration).expect("written");
        let bin = folder.path().join("rootfs/bin");
        std::fs::create_dir_all(&bin).expect("made");
        std::fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is installed");
        std::os::unix::fs::symlink("busybox", bin.join("sleep")).expect("linked");
        let mut containerd = Self { process: None, folder };
        containerd.launch();
        containerd
    }

    fn launch(&mut self) {
        let mut command = Command::new("containerd");
        command.arg("--config").arg(self.folder.path().join("config.toml"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(Child::spawn(&mut command).expect("containerd is installed"));
        let socket = self.socket();
        let answers = || {
            let socket = socket.display().to_string();
            Command::new("ctr").args(["-a", &socket, "version"]).output().is_ok_and(|o| o.status.success())
        };
        assert!(wait_until(SAFETY_NET, answers), "containerd does not come up");
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("containerd.sock")
    }

    fn ctr(&self, namespace: &str, arguments: &[&str]) -> String {
        let socket = self.socket().display().to_string();
        let mut all = vec!["-a", &socket, "-n", namespace];
        all.extend(arguments);
        run_ok("ctr", &all)
    }

    /// Starts a container that sleeps.
    fn run(&self, namespace: &str, options: &[&str], id: &str) {
        let rootfs = self.folder.path().join("rootfs").display().to_string();
        let mut arguments = vec!["run", "-d"];
        arguments.extend(options);
        arguments.extend(["--rootfs", &rootfs, id, "/bin/sleep", "1000"]);
        self.ctr(namespace, &arguments);
    }

    fn end(&self, namespace: &str, id: &str) {
        self.ctr(namespace, &["task", "kill", "-s", "SIGKILL", id]);
        let gone = || {
            let socket = self.socket().display().to_string();
            let arguments = ["-a", &socket, "-n", namespace, "container", "rm", id];
            Command::new("ctr").args(arguments).output().is_ok_and(|o| o.status.success()) || {
                let arguments = ["-a", &socket, "-n", namespace, "task", "rm", id];
                let _ = Command::new("ctr").args(arguments).output();
                false
            }
        };
        assert!(wait_until(SAFETY_NET, gone), "{id} does not end");
    }
}

impl Drop for PrivateContainerd {
    /// Containers outlive their containerd, so they are ended before it.
    fn drop(&mut self) {
        let socket = self.socket().display().to_string();
        for namespace in Containerd::DEFAULT_NAMESPACES {
            let ctr = |arguments: &[&str]| {
                let all = ["-a", &socket, "-n", namespace].into_iter().chain(arguments.iter().copied());
                Command::new("ctr")
                    .args(all)
                    .output()
                    .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
            };
            for task in ctr(&["task", "ls", "-q"]).unwrap_or_default().split_whitespace() {
                let _ = ctr(&["task", "rm", "-f", task]);
            }
        }
    }
}

fn watch(runtimes: Vec<Box<dyn Runtime>>) -> Discovery {
    watch_runtimes(runtimes, &Backoff::new(Duration::from_millis(20), Duration::from_millis(200)))
}

fn follow(socket: PathBuf) -> Box<dyn Runtime> {
    Box::new(Containerd::new(socket, Containerd::DEFAULT_NAMESPACES.map(str::to_owned).to_vec()))
}

async fn next(discovery: &mut Discovery) -> Update {
    timeout(SAFETY_NET, discovery.updates.recv()).await.expect("in time").expect("followed")
}

async fn snapshot(discovery: &mut Discovery) -> Vec<Workload> {
    loop {
        if let Update::Snapshot(workloads) = next(discovery).await {
            return workloads;
        }
    }
}

async fn until_up(discovery: &mut Discovery, id: &str) -> Workload {
    loop {
        if let Update::Up(workload) = next(discovery).await
            && *workload.id.0 == *id
            && workload.pid != 0
        {
            return workload;
        }
    }
}

async fn until_down(discovery: &mut Discovery, id: &str) {
    while next(discovery).await != Update::Down(WorkloadId(id.into())) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_and_pods_of_containerd_are_followed() {
    if !require_root("containers_and_pods_of_containerd_are_followed") {
        return;
    }
    let network = Network::new(46, 1);
    let netns = network.hosts[0].namespace.path().display().to_string();
    let mut containerd = PrivateContainerd::start();
    containerd.run("default", &[], "before-1");
    let mut discovery = watch(vec![follow(containerd.socket())]);
    let first = snapshot(&mut discovery).await;
    assert_eq!(first.len(), 1);
    assert_eq!(
        (first[0].service.to_string().as_str(), &*first[0].id.0),
        ("default/before", "default/before-1")
    );
    assert!(first[0].pid != 0 && first[0].started.is_some());
    assert_eq!((&first[0].attachment, &*first[0].runtime), (&Attachment::Own, "containerd/default"));

    // As kubelet and the CRI plugin would describe a pod and its container.
    let joined = format!("network:{netns}");
    let labels = [
        "--label",
        "io.kubernetes.pod.name=web-7d4b9c6f5d-x2x4z",
        "--label",
        "io.kubernetes.pod.namespace=shop",
        "--with-ns",
        &joined,
    ];
    let sandbox = format!("{:064x}", 0x5a);
    containerd.run("k8s.io", &labels, &sandbox);
    let pod = until_up(&mut discovery, &sandbox).await;
    assert_eq!((pod.service.to_string().as_str(), pod.netns.as_deref()), ("shop/web", Some(&*netns)));
    assert_eq!(
        pod.interfaces[0].addresses,
        [IpAddr::V4(network.hosts[0].v4), IpAddr::V6(network.hosts[0].v6)]
    );
    assert!(pod.interfaces[0].mac.is_some());

    containerd.run("default", &["--net-host"], "agent");
    assert_eq!(until_up(&mut discovery, "default/agent").await.attachment, Attachment::Host);

    // A process that is executed in a container and ends is not the container's end.
    containerd.ctr("default", &["task", "exec", "--exec-id", "e1", "agent", "/bin/sleep", "0"]);
    containerd.end("default", "before-1");
    until_down(&mut discovery, "default/before-1").await;

    // Containers outlive a containerd that crashes.
    drop(containerd.process.take());
    containerd.launch();
    let mut ids: Vec<_> = snapshot(&mut discovery).await.into_iter().map(|w| w.id.0.to_string()).collect();
    ids.sort();
    assert_eq!(ids, [sandbox.clone(), "default/agent".to_owned()]);
    containerd.end("k8s.io", &sandbox);
    until_down(&mut discovery, &sandbox).await;
    containerd.end("default", "agent");
    until_down(&mut discovery, "default/agent").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dockers_containers_are_told_by_docker_alone_where_it_can_be_reached() {
    if !require_root("dockers_containers_are_told_by_docker_alone_where_it_can_be_reached") {
        return;
    }
    let dockerd = Dockerd::start();
    let image = image::busybox(&dockerd);
    let id = dockerd.docker(&["run", "-d", "--name", "cache", image, "sleep", "1000"]);

    let mut alone = watch(vec![follow(dockerd.containerd_socket())]);
    let seen = snapshot(&mut alone).await;
    assert_eq!(seen.iter().map(|w| (&*w.id.0, &*w.runtime)).collect::<Vec<_>>(), [(&*id, "containerd/moby")]);
    assert!(seen[0].interfaces.iter().any(|i| !i.addresses.is_empty()));
    drop(alone);

    let mut both = watch(vec![follow(dockerd.containerd_socket()), Box::new(Docker::new(dockerd.socket()))]);
    let seen = snapshot(&mut both).await;
    assert_eq!(seen.iter().map(|w| (&*w.id.0, &*w.runtime)).collect::<Vec<_>>(), [(&*id, "docker")]);
    let second = dockerd.docker(&["run", "-d", "--name", "api", image, "sleep", "1000"]);
    let told = until_up(&mut both, &second).await;
    assert_eq!(&*told.runtime, "docker");
    dockerd.docker(&["rm", "-f", "api"]);
    until_down(&mut both, &second).await;
}
