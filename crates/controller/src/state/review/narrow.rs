//! Rules that people write in the place of learned ones.

use super::{Queued, State};
use bulkhead_api::{ApiError, ErrorCode, ErrorDetail, ReviewKind};
use bulkhead_model::{Direction, RuleOrigin};
use bulkhead_policy::{
    Document, Glob, PolicySet, ReadOptions, SegmentationPolicy,
    document::{self, Action, Criteria, Metadata, PeerSpec, Rule},
    flow_diff,
};

const NAME: &str = "review";

fn invalid(message: String, remedy: &str) -> ApiError {
    let mut error = ApiError::new(ErrorCode::Invalid, message.clone(), remedy);
    error.details.push(ErrorDetail { message, field: Some("rule".to_owned()), ..ErrorDetail::default() });
    error
}

/// Reads a rule in the form in which the queue shows it.
pub(super) fn parse(yaml: &str, queued: &Queued) -> Result<Rule, ApiError> {
    let list = yaml.trim_start().starts_with("- ");
    let mut text = format!(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: {NAME}, namespace: {}}}\nspec:\n  \
         target: {{service: {}}}\n  {}:\n",
        queued.service.namespace(),
        queued.service,
        queued.direction
    );
    for (at, line) in yaml.trim_end().lines().enumerate() {
        let lead = match (list, at) {
            (true, _) => "    ",
            (false, 0) => "    - ",
            (false, _) => "      ",
        };
        text.push_str(&format!("{lead}{line}\n"));
    }
    let remedy = "write it as the item's yaml is written: its peers, its ports";
    let (documents, errors) = document::read("rule", &text, ReadOptions::default());
    if let Some(error) = errors.first() {
        return Err(invalid(format!("the rule cannot be read: {}", error.message), remedy));
    }
    let [Document::Policy(policy)] = documents.as_slice() else {
        return Err(invalid("the text is not one rule".to_owned(), remedy));
    };
    match policy.rules(queued.direction) {
        [rule] if rule.action == Action::Allow => Ok(rule.clone()),
        [_] => Err(invalid("the rule does not allow anything".to_owned(), "reject the item instead")),
        rules => Err(invalid(format!("the text holds {} rules, not one", rules.len()), remedy)),
    }
}

/// Documents by which nothing decides but the rule: whoever else has a say lets everything pass.
fn set_of(queued: &Queued, rule: &Rule) -> PolicySet {
    let any = |action| Rule { action, peers: vec![PeerSpec::Any], ..Rule::default() };
    let everything = || vec![any(Action::Allow)];
    let policy = |name: &str, target: Criteria, tier, ingress, egress| {
        let namespace = queued.service.namespace().to_owned();
        let metadata = Metadata { name: name.to_owned(), namespace, ..Metadata::default() };
        let policy = SegmentationPolicy { metadata, target, mode: None, tier, order: None, ingress, egress };
        Document::Policy(policy)
    };
    let own = vec![Rule { order: Some(1), ..rule.clone() }, Rule { order: Some(2), ..any(Action::Deny) }];
    let (ingress, egress) = match queued.direction {
        Direction::Ingress => (own, everything()),
        Direction::Egress => (everything(), own),
    };
    let everybody = Criteria { service: Some(Glob::new("*/*")), ..Criteria::default() };
    PolicySet::from_iter([
        policy(NAME, Criteria::service(&queued.service), RuleOrigin::Declared, ingress, egress),
        policy("everybody", everybody, RuleOrigin::Learned, everything(), everything()),
    ])
}

impl State {
    /// Refuses a rule that allows anything that the one in the queue does not.
    pub(super) fn must_be_narrower(&self, queued: &Queued, rule: &Rule) -> Result<(), ApiError> {
        if queued.kind == ReviewKind::Proposal {
            // A proposal is a suggestion: whoever accepts it may say it otherwise.
            return Ok(());
        }
        let (before, after) = (set_of(queued, &queued.rule), set_of(queued, rule));
        let more = flow_diff(&before, &after, &self.inventory, self.now)
            .into_iter()
            .find(|change| !change.gained.is_empty());
        match more {
            None => Ok(()),
            Some(change) => Err(invalid(
                format!(
                    "the rule allows more than the one in the queue: {} → {}: {}",
                    change.client, change.server, change.gained
                ),
                "narrow it, or apply a document of your own for what it does not allow",
            )),
        }
    }
}
