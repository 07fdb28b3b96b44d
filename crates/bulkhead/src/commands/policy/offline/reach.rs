use super::{Files, inventory};
use crate::output::moment;
use bulkhead_api::{Reach, ReachHop, Reacher, WhoCanReach};
use bulkhead_model::{Identity, Peer, ServiceName};
use bulkhead_policy::{
    Compiler, Evaluator, Inventory, Reach as Tables, Remote, RuleBook, Traffic, View, peer_of,
};
use std::collections::{BTreeMap, VecDeque};

/// The policy of documents, ready for questions about all flows.
struct Question {
    inventory: Inventory,
    book: RuleBook,
    tables: Tables,
}

/// The rules that let one of the flows from a client to a server through.
struct Rules<'q> {
    question: &'q Question,
    evaluator: Evaluator<'q>,
}

impl<'q> Rules<'q> {
    fn new(files: &'q Files, question: &'q Question) -> Self {
        let mut book = question.book.clone();
        let evaluator = Evaluator::new(&files.set, &question.inventory, &mut book, moment::now());
        Self { question, evaluator }
    }

    fn between(&self, client: Identity, server: Identity) -> Vec<String> {
        let Some(one) = self.question.tables.traffic(client, server).witness() else { return Vec::new() };
        let one = Traffic { protocol: one.protocol, port: one.port, application: one.application };
        let [client, server] = [client, server].map(|identity| Remote::from(&self.question.peer(identity)));
        self.evaluator.verdict(&client, &server, one).rules()
    }
}

impl Question {
    fn new(files: &Files, peers: &[&Peer]) -> Self {
        let inventory = inventory(&[files], peers.iter().copied());
        let mut compiler = Compiler::default();
        let compiled = compiler.compile(&files.set, &inventory, moment::now());
        let book = compiler.book().clone();
        Self { inventory, book, tables: Tables::new(compiled, View::Now) }
    }

    fn identities(&self, peer: &Peer) -> Vec<Identity> {
        self.tables.identities(&Remote::from(peer), &self.inventory)
    }

    fn peer(&self, identity: Identity) -> Peer {
        peer_of(identity, &self.inventory, &self.book)
    }

    fn through(&self, client: Identity, server: Identity) -> String {
        self.tables.traffic(client, server).to_string()
    }

    /// The steps to take from the nearest of `starts` to every peer from which `next` leads on, breadth first: each
    /// found peer with the number of its steps and the peer before it. Only services are stepped over.
    fn walk(
        &self,
        starts: &[Identity],
        leads: impl Fn(Identity, Identity) -> bool,
    ) -> BTreeMap<Identity, (u32, Identity)> {
        let peers = self.tables.peers();
        let mut found: BTreeMap<Identity, (u32, Identity)> =
            starts.iter().map(|&start| (start, (0, start))).collect();
        let mut queue: VecDeque<Identity> = starts.iter().copied().collect();
        while let Some(here) = queue.pop_front() {
            let steps = found[&here].0;
            if steps > 0 && !here.is_service() {
                continue;
            }
            for &there in &peers {
                if !found.contains_key(&there) && leads(here, there) {
                    found.insert(there, (steps + 1, here));
                    queue.push_back(there);
                }
            }
        }
        found
    }
}

/// Whether a packet can ever get from one peer to the other, over any number of services.
pub(in crate::commands::policy) fn reach(files: &Files, from: Peer, to: Peer) -> Reach {
    let question = Question::new(files, &[&from, &to]);
    let rules = Rules::new(files, &question);
    let goals = question.identities(&to);
    let steps = question.walk(&question.identities(&from), |here, there| {
        // Two ends of which neither is a service are not ours to judge.
        (here.is_service() || there.is_service()) && question.tables.reaches(here, there)
    });
    let goal = goals.into_iter().filter(|goal| steps.get(goal).is_some_and(|(n, _)| *n > 0));
    let mut path = Vec::new();
    let mut at = goal.min_by_key(|goal| steps[goal].0);
    while let Some(here) = at {
        let (n, before) = steps[&here];
        if n == 0 {
            break;
        }
        let traffic = question.tables.traffic(before, here);
        let witness = traffic.witness();
        path.push(ReachHop {
            from: question.peer(before),
            to: question.peer(here),
            protocol: witness.map_or(bulkhead_model::IpProtocol::TCP, |w| w.protocol),
            port: witness.map_or(0, |w| w.port),
            through: traffic.to_string(),
            seen: false,
            rules: rules.between(before, here),
        });
        at = Some(before);
    }
    path.reverse();
    let sentence = match path.len() {
        0 => format!("{from} can never reach {to} under these documents."),
        1 => format!("{from} can reach {to} directly."),
        n => format!("{from} can reach {to} over {} other(s).", n - 1),
    };
    Reach { from, to, reachable: !path.is_empty(), path, sentence }
}

/// Who can reach a service, directly or over others.
pub(in crate::commands::policy) fn who_can_reach(files: &Files, service: ServiceName) -> WhoCanReach {
    let goal = Peer::Service(service.clone());
    let question = Question::new(files, &[&goal]);
    let rules = Rules::new(files, &question);
    let steps = question.walk(&question.identities(&goal), |here, there| {
        there != here && question.tables.reaches(there, here)
    });
    let mut reachers: Vec<Reacher> = steps
        .iter()
        .filter(|(_, (n, _))| *n > 0)
        .map(|(&identity, &(hops, toward))| Reacher {
            peer: question.peer(identity),
            hops,
            through: question.through(identity, toward),
            seen: false,
            open_because: None,
            rules: rules.between(identity, toward),
        })
        .collect();
    reachers.sort_by(|a, b| (a.hops, &a.peer).cmp(&(b.hops, &b.peer)));
    let (direct, indirect): (Vec<_>, Vec<_>) = reachers.into_iter().partition(|reacher| reacher.hops == 1);
    let sentence =
        format!("{} peer(s) reach {service} directly, {} over others.", direct.len(), indirect.len());
    WhoCanReach { service, direct, indirect, sentence }
}
