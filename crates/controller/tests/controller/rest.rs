//! Every endpoint, used as meant.

use crate::support::{REDIS, eventually, name, start};
use bulkhead_api::{
    ApplyRequest, Automation, BlastQuery, ChangeAction, Decision, EventQuery, ExplainRequest, GraphQuery,
    ModeChange, Outputs, Profile, PromotionQuery, QuarantineRequest, ReachQuery, RestoreRequest,
    ReviewDecision, ReviewRequest, Role, ServiceQuery, SimulateRequest, TokenRequest, WhoCanReachQuery,
};
use bulkhead_model::{IpProtocol, Mode, Verdict};

fn apply(documents: &str, dry_run: bool) -> ApplyRequest {
    ApplyRequest { documents: documents.to_owned(), dry_run, ..ApplyRequest::default() }
}

#[tokio::test]
async fn status_services_and_graph_show_what_nodes_told() {
    let running = start().await;
    running.shop().await;
    let status = running.admin.status().await.expect("status");
    assert_eq!((status.services.learn, status.workloads, status.edges), (3, 3, 2));
    assert_eq!(status.nodes[0].health.kernel, "6.12");
    let services = running.admin.services(&ServiceQuery::default()).await.expect("services").items;
    assert_eq!(
        services.iter().map(|s| s.name.to_string()).collect::<Vec<_>>(),
        ["shop/api", "shop/redis", "shop/web"]
    );
    let page = ServiceQuery { limit: Some(1), after: Some("shop/api".to_owned()), ..ServiceQuery::default() };
    let page = running.admin.services(&page).await.expect("a page");
    assert_eq!(page.items[0].name, name("shop/redis"));
    assert_eq!(page.next.as_deref(), Some("shop/redis"));
    let detail = running.admin.service(&name("shop/api")).await.expect("detail");
    assert_eq!((detail.ingress.len(), detail.egress.len(), detail.instances.len()), (1, 1, 1));
    assert!(detail.timeline.iter().any(|event| event.message.contains("new edge")));
    let node = running.admin.status().await.expect("status").nodes.remove(0);
    assert_eq!(node.health.packets["malformed"], 3);
    let graph = running.admin.graph(&GraphQuery::default()).await.expect("graph");
    assert_eq!((graph.nodes.len(), graph.edges.len()), (3, 2));
    let one = GraphQuery { service: Some(name("shop/redis")), ..GraphQuery::default() };
    let graph = running.admin.graph(&one).await.expect("graph");
    assert_eq!((graph.nodes.len(), graph.edges.len()), (2, 1));
    let events = running
        .admin
        .events(&EventQuery { kind: Some("new-edge".to_owned()), ..EventQuery::default() })
        .await;
    assert_eq!(events.expect("events").items.len(), 2);
    let metrics = running.admin.metrics().await.expect("metrics");
    assert!(metrics.contains("bulkhead_edges 2"), "{metrics}");
    assert!(metrics.contains("bulkhead_connections_total{verdict=\"allowed\"} 13"), "{metrics}");
    let line = format!("bulkhead_kernel_packets_total{{node=\"{}\",what=\"malformed\"}} 3", node.name);
    assert!(metrics.contains(&line), "{metrics}");
    running.controller.stop().await;
}

#[tokio::test]
async fn modes_quarantine_and_automation_change_what_nodes_are_told() {
    let running = start().await;
    running.shop().await;
    let redis = name("shop/redis");
    let kernel_mode = |mode: Mode| {
        let mut policy = running.controller.policy.clone();
        let redis = redis.clone();
        async move {
            let told = policy.wait_for(|policy| {
                let identity = policy.identities.get(&redis).copied();
                policy.compiled.services.iter().any(|s| Some(s.identity) == identity && s.mode == mode)
            });
            told.await.expect("published");
        }
    };
    let preview =
        running.admin.promotion(&redis, &PromotionQuery { to: Mode::Enforce }).await.expect("preview");
    assert_eq!((preview.from, preview.would_deny.len()), (Mode::Learn, 0));
    assert!(preview.policy_yaml.contains("shop/api"), "{}", preview.policy_yaml);
    let change = ModeChange { mode: Mode::Enforce, reason: Some("reviewed".to_owned()) };
    let summary = running.admin.set_mode(&redis, &change).await.expect("set");
    assert_eq!(summary.mode, Mode::Enforce);
    kernel_mode(Mode::Enforce).await;
    let request = QuarantineRequest { reason: Some("odd".to_owned()) };
    running.admin.quarantine(&redis, &request).await.expect("quarantined");
    kernel_mode(Mode::Quarantine).await;
    assert_eq!(running.admin.release(&redis).await.expect("released").mode, Mode::Enforce);
    kernel_mode(Mode::Enforce).await;
    running.admin.release(&redis).await.expect_err("not quarantined");
    let automation = Automation { automatic: true, profile: Profile::Strict };
    let summary = running.admin.set_automation(&redis, &automation).await.expect("set");
    assert_eq!(summary.automation, automation);
    running.admin.set_mode(&name("shop/nobody"), &change).await.expect_err("there is no such service");
    running.controller.stop().await;
}

#[tokio::test]
async fn documents_are_rehearsed_applied_listed_restored_and_deleted() {
    let running = start().await;
    running.shop().await;
    let admin = &running.admin;
    let enforce = ModeChange { mode: Mode::Enforce, reason: None };
    admin.set_mode(&name("shop/redis"), &enforce).await.expect("enforced");
    let deny = REDIS.replace(
        "    - from: [{service: shop/web}]",
        "    - action: deny\n      from: [{service: shop/api}]",
    );
    let rehearsal = admin.apply(&apply(&deny, true)).await.expect("rehearsed");
    assert!(rehearsal.dry_run);
    assert_eq!(rehearsal.would_break.len(), 1, "{}", rehearsal.sentence);
    assert_eq!(rehearsal.verdict_changes[0].after, Verdict::Denied);
    assert_eq!(admin.policies().await.expect("list").items.len(), 1, "the learned one alone");

    let first = admin.apply(&apply(REDIS, false)).await.expect("applied");
    assert_eq!(first.changes[0].action, ChangeAction::Created);
    assert!(first.diff.contains("+++ b/shop/redis"), "{}", first.diff);
    let explain = ExplainRequest {
        from: "shop/web".to_owned(),
        to: "shop/redis".to_owned(),
        protocol: IpProtocol::TCP,
        port: 6379,
        application: None,
    };
    assert_eq!(admin.explain(&explain).await.expect("explained").verdict, Verdict::Allowed);
    let other = ExplainRequest { port: 22, ..explain.clone() };
    let denied = admin.explain(&other).await.expect("explained");
    assert_eq!(denied.verdict, Verdict::Denied);
    let remedy = denied.allow_with.expect("a remedy");
    admin.apply(&apply(&remedy, false)).await.expect("the remedy can be applied");
    assert_eq!(admin.explain(&other).await.expect("explained").verdict, Verdict::Allowed);
    let simulate = |enforce_targeted| {
        let request = SimulateRequest { documents: deny.clone(), enforce: false, enforce_targeted };
        let admin = &admin;
        async move { admin.simulate(&request).await.expect("simulated") }
    };
    assert_eq!(simulate(false).await.changes.len(), 1);
    assert_eq!(simulate(true).await.changes.len(), 1, "the service enforces already");
    let effective = admin.effective_policy(&name("shop/redis")).await.expect("effective");
    assert!(effective.ingress.iter().any(|rule| rule.hits > 0), "{effective:?}");

    let history = admin.policy_history(&Default::default()).await.expect("history").items;
    assert!(history.len() >= 3);
    let restored = admin.restore(&RestoreRequest { revision: first.revision, dry_run: false }).await;
    assert_eq!(
        restored.expect("restored").changes.iter().filter(|c| c.action == ChangeAction::Deleted).count(),
        2,
        "the remedy had a document for each side"
    );
    assert_eq!(admin.explain(&other).await.expect("explained").verdict, Verdict::Denied);
    let policy = admin.policy("shop", "redis").await.expect("there");
    assert_eq!((policy.ingress_rules, policy.target.as_str()), (1, "shop/redis"));
    admin.delete_policy("shop", "redis").await.expect("deleted");
    admin.policy("shop", "redis").await.expect_err("gone");
    let wrong = admin.apply(&apply("kind: Nonsense", false)).await.expect_err("refused");
    assert!(wrong.to_string().contains("apiVersion"), "{wrong}");
    admin
        .apply(&apply(&REDIS.replace("name: redis", "name: redis-learned"), false))
        .await
        .expect_err("reserved");
    running.controller.stop().await;
}

#[tokio::test]
async fn one_document_is_put_by_its_name_and_not_over_a_newer_one() {
    let running = start().await;
    running.shop().await;
    let raw = running.raw();
    let body = |if_revision: Option<u64>| {
        serde_json::json!({ "yaml": REDIS, "if_revision": if_revision }).to_string()
    };
    let path = "/api/v1/policies/shop/redis";
    assert_eq!(raw.send("PUT", path, Some(&body(None))).await.status, 200);
    let known = raw.send("GET", path, None).await.json()["revision"].as_u64().expect("a number");
    assert_eq!(raw.send("PUT", path, Some(&body(Some(known + 5)))).await.status, 409);
    assert_eq!(raw.send("PUT", path, Some(&body(Some(known)))).await.status, 200);
    assert_eq!(raw.send("PUT", "/api/v1/policies/shop/other", Some(&body(None))).await.status, 400);
    let yaml = raw.send("GET", &format!("{path}?format=yaml"), None).await;
    assert!(String::from_utf8_lossy(&yaml.body).starts_with("apiVersion:"));
    running.controller.stop().await;
}

#[tokio::test]
async fn questions_about_reach_and_blast_radius_are_answered() {
    let running = start().await;
    running.shop().await;
    let admin = &running.admin;
    let radius = admin.blast_radius(&name("shop/web"), &BlastQuery::default()).await.expect("radius");
    assert_eq!(radius.now.count.services, 2, "nothing is enforced");
    assert_eq!(radius.under_policy.count.services, 2, "over the api");
    let one_hop = BlastQuery { hops: Some(1) };
    let radius = admin.blast_radius(&name("shop/web"), &one_hop).await.expect("radius");
    assert_eq!(radius.under_policy.count.services, 1);
    let ranking = admin.blast_ranking().await.expect("ranking");
    assert_eq!(ranking.items.len(), 3);
    assert!(ranking.pairs_now > ranking.pairs_under_policy);
    for service in ["shop/web", "shop/api", "shop/redis"] {
        let change = ModeChange { mode: Mode::Enforce, reason: None };
        admin.set_mode(&name(service), &change).await.expect("enforced");
    }
    let ask = |from: &str, to: &str| ReachQuery { from: from.to_owned(), to: to.to_owned() };
    let way = admin.reach(&ask("shop/web", "shop/redis")).await.expect("reach");
    assert!(way.reachable);
    assert_eq!(way.path.len(), 2, "{}", way.sentence);
    assert_eq!((way.path[1].protocol, way.path[1].port, way.path[1].seen), (IpProtocol::TCP, 6379, true));
    assert!(!admin.reach(&ask("shop/redis", "shop/web")).await.expect("reach").reachable);
    let who = admin.who_can_reach(&WhoCanReachQuery { service: name("shop/redis") }).await.expect("who");
    assert_eq!(
        who.direct.iter().map(|r| r.peer.to_string()).collect::<Vec<_>>(),
        ["shop/api"],
        "{}",
        who.sentence
    );
    assert_eq!(who.indirect.len(), 1);
    running.controller.stop().await;
}

#[tokio::test]
async fn learned_rules_wait_for_a_decision() {
    let running = start().await;
    running.shop().await;
    let admin = &running.admin;
    let queue = admin.review(&Default::default()).await.expect("queue");
    assert_eq!((queue.items.len(), queue.undecided), (4, 4), "both sides of two edges");
    let item = queue.items.iter().find(|item| item.service == name("shop/redis")).expect("redis's");
    let decide = |id: &str, decision| ReviewRequest {
        decisions: vec![ReviewDecision { id: id.to_owned(), decision, narrow: None, rule: None }],
        ..ReviewRequest::default()
    };
    let result = admin.decide(&decide(&item.id, Decision::Attack)).await.expect("decided");
    assert_eq!(result.decided, 1);
    assert_eq!(result.undo, decide(&item.id, Decision::Undo).decisions);
    let preview =
        admin.promotion(&name("shop/redis"), &PromotionQuery { to: Mode::Enforce }).await.expect("preview");
    assert_eq!(preview.would_deny.len(), 1, "what was called an attack would be denied");
    admin.decide(&decide(&item.id, Decision::Undo)).await.expect("undone");
    admin.decide(&decide("nonsense", Decision::Accept)).await.expect_err("unknown");
    running.controller.stop().await;
}

#[tokio::test]
async fn tokens_settings_outputs_and_audit_are_administered() {
    let running = start().await;
    running.shop().await;
    let admin = &running.admin;
    let request =
        TokenRequest { name: "ci".to_owned(), role: Role::Operator, expires_in_seconds: Some(3600) };
    let created = admin.create_token(&request).await.expect("created");
    assert!(created.secret.starts_with("bh_"));
    let tokens = admin.tokens().await.expect("tokens").items;
    assert_eq!(tokens.len(), 2);
    admin.delete_token(&created.token.id).await.expect("revoked");
    let first = tokens.iter().find(|token| token.name == "admin").expect("the first");
    admin.delete_token(&first.id).await.expect_err("the last admin");
    let mut settings = admin.settings().await.expect("settings");
    settings.retention.event_days = 7;
    assert_eq!(admin.put_settings(&settings).await.expect("put").retention.event_days, 7);
    settings.retention.event_days = 0;
    admin.put_settings(&settings).await.expect_err("out of range");
    let outputs: Outputs = serde_json::from_value(serde_json::json!({ "outputs": [{
        "name": "hook",
        "target": { "kind": "webhook", "url": "http://127.0.0.1:1/", "secret": "hush" },
    }] }))
    .expect("outputs");
    let shown = admin.put_outputs(&outputs).await.expect("put");
    assert!(!serde_json::to_string(&shown).expect("JSON").contains("hush"));
    admin.put_outputs(&shown).await.expect("the hidden secret is kept");
    let test = admin.test_output("hook").await.expect("tested");
    assert!(!test.delivered && test.message.contains("cannot connect"), "{}", test.message);
    let audit = admin.audit(&Default::default()).await.expect("audit").items;
    for action in ["token.create", "token.delete", "settings.put", "outputs.put", "outputs.test"] {
        assert!(audit.iter().any(|entry| entry.action == action), "{action}");
    }
    let verdict = admin.verify_audit().await.expect("verified");
    assert!(verdict.intact && verdict.entries >= 6, "{verdict:?}");
    running.controller.stop().await;
}

#[tokio::test]
async fn a_denial_is_an_event_with_the_document_that_would_allow_it() {
    let running = start().await;
    running.shop().await;
    let admin = &running.admin;
    let enforce = ModeChange { mode: Mode::Enforce, reason: None };
    admin.set_mode(&name("shop/redis"), &enforce).await.expect("enforced");
    running.connect("shop/web", "shop/redis", 6379, Verdict::Denied).await;
    running.count("shop/web", "shop/redis", 6379, 0, 12).await;
    let denied = EventQuery { kind: Some("denied".to_owned()), ..EventQuery::default() };
    let event = eventually("the counted denial", || async {
        let event = admin.events(&denied).await.expect("events").items.into_iter().next()?;
        let json = serde_json::to_value(&event).expect("JSON");
        (json["count"] == 12).then_some(json)
    })
    .await;
    let yaml = event["allow_with"].as_str().unwrap_or_default();
    assert!(!yaml.is_empty(), "{event}");
    admin.apply(&apply(yaml, false)).await.expect("applied");
    let explain = ExplainRequest {
        from: "shop/web".to_owned(),
        to: "shop/redis".to_owned(),
        protocol: IpProtocol::TCP,
        port: 6379,
        application: None,
    };
    assert_eq!(admin.explain(&explain).await.expect("explained").verdict, Verdict::Allowed);
    running.controller.stop().await;
}
