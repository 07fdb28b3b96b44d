//! An estate under a clock that tests turn by hand.

use bulkhead_learn::{Automation, Decision, Learner, Profile, Report, Sensor, Settings, Shadow, Sighting};
use bulkhead_model::{
    Application, EdgeKey, ExternalName, IpProtocol, Mode, Peer, ServiceName, Timestamp, Workload, WorkloadId,
    WorkloadOwner,
};
use std::time::Duration;

pub(crate) struct Watch {
    pub(crate) learner: Learner,
    pub(crate) start: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) sensor: Sensor,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    /// Begins on Monday, 2026-01-05T00:00:00Z.
    pub(crate) fn with(settings: Settings) -> Self {
        let start = Timestamp(1_767_571_200_000);
        let mut learner = Learner::new(settings);
        learner.advance(start, Sensor::Healthy);
        Self { learner, start, now: start, sensor: Sensor::Healthy }
    }

    pub(crate) fn step(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.learner.advance(self.now, self.sensor);
    }

    pub(crate) fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.step(Duration::from_secs(60));
        }
    }

    /// Every edge is seen once an hour.
    pub(crate) fn hours(&mut self, hours: u32, edges: &[&EdgeKey]) {
        for _ in 0..hours {
            edges.iter().for_each(|edge| self.see(edge));
            for _ in 0..15 {
                self.step(Duration::from_secs(240));
            }
        }
    }

    pub(crate) fn see(&mut self, edge: &EdgeKey) {
        self.learner.observe(&Sighting::new(edge, self.now));
    }

    pub(crate) fn report(&self, name: &str) -> Report {
        self.learner.report(&service(name)).expect("the service is known")
    }

    /// What follows for a service that has been in its mode from the start, with automation on.
    pub(crate) fn decide(&self, name: &str, mode: Mode, profile: Profile) -> Decision {
        let automation = Automation { automatic: true, profile };
        let state = (mode, self.start);
        self.learner
            .decide(&service(name), state, automation, Shadow::default(), &[], self.now)
            .expect("the service is known")
    }
}

pub(crate) fn service(name: &str) -> ServiceName {
    name.parse().expect("a valid name")
}

pub(crate) fn edge(client: &str, server: &str, port: u16) -> EdgeKey {
    key(client, Peer::Service(service(server)), port)
}

pub(crate) fn external(client: &str, server: &str, port: u16) -> EdgeKey {
    key(client, Peer::External(ExternalName(server.into())), port)
}

fn key(client: &str, server: Peer, port: u16) -> EdgeKey {
    EdgeKey {
        client: Peer::Service(service(client)),
        server,
        protocol: IpProtocol::TCP,
        port,
        application: Application::UNKNOWN,
    }
}

pub(crate) fn workload(name: &str, number: u32) -> Workload {
    Workload {
        name: name.into(),
        owner: WorkloadOwner::Compose,
        runtime: "docker".into(),
        image: "example/app:1".into(),
        image_digest: Some("sha256:first".into()),
        pid: 1,
        ..Workload::new(WorkloadId(format!("{name}-{number}").into()), service(name))
    }
}
