use super::{Answer, Asked, json};
use crate::{
    blast, plan,
    reach::{parse_peer, text, witness},
    state::side_verdict,
    view::View,
};
use bulkhead_api::{
    ApiError, BlastPlanQuery, BlastQuery, ErrorCode, ExplainRequest, Explanation, Reach, ReachHop,
    ReachQuery, Reacher, ReviewList, ReviewQuery, ReviewRequest, ReviewResult, SimulateRequest, Simulation,
    WhoCanReach, WhoCanReachQuery,
};
use bulkhead_model::{Application, EdgeKey, Identity, Mode, Peer, ServiceName};
use bulkhead_policy::{Evaluator, Remote, RuleBook, Traffic, View as From, flowset::TrafficSet, peer_of};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, PoisonError},
};

fn no_service(name: &ServiceName) -> ApiError {
    let message = format!("there is no service '{name}'");
    ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/services lists all services")
}

fn must_exist(view: &View, peer: &Peer) -> Result<(), ApiError> {
    match peer.service() {
        Some(name) if !view.services.contains_key(name) => Err(no_service(name)),
        _ => Ok(()),
    }
}

pub(super) async fn explain(asked: Asked) -> Answer {
    let request: ExplainRequest = asked.json()?;
    let explanation = asked.app.ponder(move |view| explanation(view, &request)).await??;
    json(&explanation)
}

fn explanation(view: &View, request: &ExplainRequest) -> Result<Explanation, ApiError> {
    let client = parse_peer(&request.from, &view.inventory)?;
    let server = parse_peer(&request.to, &view.inventory)?;
    must_exist(view, &client)?;
    must_exist(view, &server)?;
    let edge = EdgeKey {
        client,
        server,
        protocol: request.protocol,
        port: request.port,
        application: request.application.unwrap_or(Application::UNKNOWN),
    };
    let mut book: RuleBook = (*view.book).clone();
    let evaluator = Evaluator::new(&view.set, &view.inventory, &mut book, view.time);
    let told =
        evaluator.explain(&Remote::from(&edge.client), &Remote::from(&edge.server), Traffic::from(&edge));
    let allow_with = Some(told.remedy_yaml()).filter(|yaml| !yaml.is_empty());
    let mut sentences = told.sentences();
    sentences.extend(told.without_remedy.iter().cloned());
    let seen = view.edges.iter().any(|judged| {
        let known = &judged.edge.key;
        (&known.client, &known.server, known.protocol, known.port)
            == (&edge.client, &edge.server, edge.protocol, edge.port)
    });
    Ok(Explanation {
        verdict: told.verdict.verdict,
        egress: told.verdict.client.as_ref().map(side_verdict),
        ingress: told.verdict.server.as_ref().map(side_verdict),
        allow_with,
        seen,
        sentence: sentences.join("; "),
        edge,
    })
}

pub(super) async fn simulate(asked: Asked) -> Answer {
    let request: SimulateRequest = asked.json()?;
    let documents = plan::read(&request.documents, "documents")?;
    let judged = match (request.enforce, request.enforce_targeted) {
        (true, _) => plan::Judged::Enforcing,
        (false, true) => plan::Judged::TargetsEnforcing(documents.iter().cloned().collect()),
        (false, false) => plan::Judged::AsTheyAre,
    };
    let simulation = asked
        .app
        .ponder(move |view| {
            let plan = plan::apply(view, documents, &plan::Terms { force: true, ..plan::Terms::default() })?;
            let impact = plan::impact(view, &plan.after, &judged);
            let sentence = format!(
                "Of {} seen edges {} change their verdict, {} would be denied.",
                view.edges.len(),
                impact.verdicts.len(),
                impact.would_break.len()
            );
            let edges = view.edges.len() as u64;
            Ok::<_, ApiError>(Simulation {
                edges,
                changes: impact.verdicts,
                findings: impact.findings,
                sentence,
            })
        })
        .await??;
    json(&simulation)
}

/// Pairs of peers between which something was seen.
fn seen_pairs(view: &View) -> BTreeSet<(&Peer, &Peer)> {
    view.edges.iter().map(|judged| (&judged.edge.key.client, &judged.edge.key.server)).collect()
}

pub(super) async fn reach(asked: Asked) -> Answer {
    let query: ReachQuery = asked.query()?;
    let answer = asked.app.ponder(move |view| reach_of(view, &query)).await??;
    json(&answer)
}

/// The shortest way over services; who holds a service can go on from there, who holds a place outside cannot.
fn reach_of(view: &View, query: &ReachQuery) -> Result<Reach, ApiError> {
    let from = parse_peer(&query.from, &view.inventory)?;
    let to = parse_peer(&query.to, &view.inventory)?;
    must_exist(view, &from)?;
    must_exist(view, &to)?;
    let reach = bulkhead_policy::Reach::new(Arc::clone(&view.compiled), From::Now);
    let identities = |peer: &Peer| reach.identities(&Remote::from(peer), &view.inventory);
    let goals: BTreeSet<Identity> = identities(&to).into_iter().collect();
    let starts = identities(&from);
    let services: Vec<Identity> = view.inventory.services().map(|service| service.identity).collect();
    let mut before: BTreeMap<Identity, Identity> = BTreeMap::new();
    let mut front: VecDeque<Identity> = starts.iter().copied().collect();
    let mut end = None;
    'search: while let Some(at) = front.pop_front() {
        for next in goals.iter().chain(&services).copied() {
            if next == at || starts.contains(&next) || before.contains_key(&next) || !reach.reaches(at, next)
            {
                continue;
            }
            before.insert(next, at);
            if goals.contains(&next) {
                end = Some(next);
                break 'search;
            }
            front.push_back(next);
        }
    }
    let seen = seen_pairs(view);
    let name = |identity: Identity| match identity {
        _ if goals.contains(&identity) => to.clone(),
        _ if starts.contains(&identity) => from.clone(),
        _ => peer_of(identity, &view.inventory, &view.book),
    };
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&view.set, &view.inventory, &mut book, view.time);
    let mut path = Vec::new();
    let mut at = end;
    while let Some(step) = at.and_then(|to| before.get(&to).map(|from| (*from, to))) {
        let traffic = reach.traffic(step.0, step.1);
        let (protocol, port) = witness(&traffic);
        let (a, b) = (name(step.0), name(step.1));
        let seen = seen.contains(&(&a, &b));
        let rules = rules_of(&evaluator, (&a, &b), &traffic);
        path.push(ReachHop { from: a, to: b, protocol, port, through: text(&traffic), seen, rules });
        at = Some(step.0);
    }
    path.reverse();
    let sentence = match path.as_slice() {
        [] => format!("No way leads from {from} to {to}, over however many services."),
        [hop] => format!("{from} may connect to {to} directly: {}.", hop.through),
        hops => {
            let via: Vec<String> = hops[1..].iter().map(|hop| hop.from.to_string()).collect();
            format!("{from} reaches {to} in {} steps, over {}.", hops.len(), via.join(", "))
        }
    };
    Ok(Reach { reachable: !path.is_empty(), from, to, path, sentence })
}

/// The rules that let one of these flows through.
fn rules_of(
    evaluator: &Evaluator<'_>,
    (client, server): (&Peer, &Peer),
    traffic: &TrafficSet,
) -> Vec<String> {
    let Some(one) = traffic.witness() else { return Vec::new() };
    let one = Traffic { protocol: one.protocol, port: one.port, application: one.application };
    evaluator.verdict(&Remote::from(client), &Remote::from(server), one).rules()
}

pub(super) async fn who_can_reach(asked: Asked) -> Answer {
    let query: WhoCanReachQuery = asked.query()?;
    let answer = asked.app.ponder(move |view| who(view, query.service)).await??;
    json(&answer)
}

fn who(view: &View, service: ServiceName) -> Result<WhoCanReach, ApiError> {
    let goal = view.inventory.service(&service).ok_or_else(|| no_service(&service))?.identity;
    let now = bulkhead_policy::Reach::new(Arc::clone(&view.compiled), From::Now);
    let strict = bulkhead_policy::Reach::new(Arc::clone(&view.compiled), From::Policy);
    let seen = seen_pairs(view);
    let own = Peer::Service(service.clone());
    let mode = |identity: Identity| view.inventory.by_identity(identity).map(|service| service.mode);
    let open = |client: Identity, server: Identity| {
        if strict.reaches(client, server) {
            return None;
        }
        let lax =
            [client, server].into_iter().filter(|id| matches!(mode(*id), Some(Mode::Learn | Mode::Monitor)));
        let names: Vec<String> = lax.map(|id| peer_of(id, &view.inventory, &view.book).to_string()).collect();
        Some(format!("{} does not enforce its policy", names.join(" and ")))
    };
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&view.set, &view.inventory, &mut book, view.time);
    let mut found: BTreeMap<Identity, u32> = BTreeMap::new();
    let (mut direct, mut indirect) = (Vec::new(), Vec::new());
    let mut front = vec![goal];
    let mut hops = 0;
    while !front.is_empty() {
        hops += 1;
        let mut next = Vec::new();
        for server in front {
            for client in now.peers() {
                let known = client == goal || client == Identity::MULTICAST || found.contains_key(&client);
                if known || !now.reaches(client, server) {
                    continue;
                }
                found.insert(client, hops);
                let peer = peer_of(client, &view.inventory, &view.book);
                let traffic = now.traffic(client, server);
                let toward = peer_of(server, &view.inventory, &view.book);
                let reacher = Reacher {
                    rules: rules_of(&evaluator, (&peer, &toward), &traffic),
                    through: text(&traffic),
                    seen: seen.contains(&(&peer, &own)),
                    open_because: open(client, server),
                    hops,
                    peer,
                };
                if hops == 1 {
                    direct.push(reacher);
                } else {
                    indirect.push(reacher);
                }
                if client.is_service() {
                    next.push(client);
                }
            }
        }
        front = next;
    }
    let sentence = format!(
        "{} {} may connect to {service} directly, {} more may get there over others.",
        direct.len(),
        if direct.len() == 1 { "peer" } else { "peers" },
        indirect.len()
    );
    Ok(WhoCanReach { service, direct, indirect, sentence })
}

pub(super) async fn ranking(asked: Asked) -> Answer {
    let view = asked.app.view.load_full();
    let known = || {
        let known = asked.app.ranking.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|known| known.is_fresh(&view)).map(|known| Arc::clone(&known.ranking))
    };
    if let Some(ranking) = known() {
        return json(&*ranking);
    }
    let candidate = asked.app.act(|state| state.candidate()).await?;
    let made = asked.app.ponder(move |view| Arc::new(blast::ranking(view, &candidate))).await?;
    let kept = blast::Ranked { made: view.time, revision: view.revision, ranking: Arc::clone(&made) };
    *asked.app.ranking.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    json(&*made)
}

/// Steps of a plan unless told otherwise, and at most.
const STEPS: (u32, u32) = (10, 50);

pub(super) async fn blast_plan(asked: Asked) -> Answer {
    let query: BlastPlanQuery = asked.query()?;
    let most = query.limit.unwrap_or(STEPS.0).clamp(1, STEPS.1) as usize;
    json(&asked.app.ponder(move |view| blast::plan(view, most)).await?)
}

pub(super) async fn blast(asked: Asked) -> Answer {
    let query: BlastQuery = asked.query()?;
    let name = asked.service()?;
    let candidate = asked.app.act(|state| state.candidate()).await?;
    let hops = query.hops.unwrap_or(u32::MAX).max(1);
    let wanted = name.clone();
    let radius = asked.app.ponder(move |view| blast::radius(view, &candidate, &wanted, hops)).await?;
    json(&radius.ok_or_else(|| no_service(&name))?)
}

pub(super) async fn review(asked: Asked) -> Answer {
    let query: ReviewQuery = asked.query()?;
    let list = asked
        .app
        .act(move |state| {
            let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
            let (items, undecided) =
                state.review_page(query.service.as_ref(), query.all.unwrap_or(false), limit);
            ReviewList { items, undecided }
        })
        .await?;
    json(&list)
}

pub(super) async fn decide(asked: Asked) -> Answer {
    let request: ReviewRequest = asked.json()?;
    let actor = asked.caller.actor();
    let result = asked
        .app
        .act(move |state| {
            if request.dry_run {
                let (decided, diff) = state.rehearse(&request, &actor)?;
                let (revision, undo) = (state.revision, Vec::new());
                return Ok(ReviewResult { decided, dry_run: true, revision, diff, undo });
            }
            let before = Arc::clone(&state.documents);
            let undo = state.decide(&request, &actor)?;
            state.bring_up_to_date();
            let changed = state.documents.iter().filter_map(|(place, meta)| {
                let old = before.get(place).map_or("", |meta| meta.yaml.as_str());
                (old != meta.yaml).then(|| crate::diff::unified(&meta.key.to_string(), old, &meta.yaml))
            });
            let diff = changed.collect();
            let (decided, revision) = (undo.len() as u64, state.revision);
            Ok::<_, ApiError>(ReviewResult { decided, dry_run: false, revision, diff, undo })
        })
        .await??;
    json(&result)
}
