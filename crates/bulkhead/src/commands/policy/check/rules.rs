//! The kinds of faults, by the words that identify them in every output and version.

use bulkhead_policy::Lint;

pub(super) const DOCUMENT: &str = "document";
pub(super) const UNREADABLE: &str = "unreadable";
pub(super) const MANIFEST: &str = "manifest";
pub(super) const CLAIM_BROKEN: &str = "claim-broken";
pub(super) const CLAIM_EMPTY: &str = "claim-empty";
pub(super) const FLOW_DENIED: &str = "flow-denied";

/// `lint-shadowed`
pub(super) fn of_lint(lint: Lint) -> String {
    format!("lint-{}", lint.code())
}

/// One kind: its word, what it says, and what to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) short: &'static str,
    pub(super) help: &'static str,
    pub(super) level: &'static str,
}

pub(super) const RULES: [Rule; 15] = [
    rule(
        DOCUMENT,
        "The document is not valid",
        "error",
        "Mend the field that is named; docs/policy.md is the reference of the language, and docs/policy.schema.json lets editors underline mistakes.",
    ),
    rule(
        MANIFEST,
        "The Kubernetes manifest is not valid, or does not do what it seems to",
        "error",
        "Mend the field that is named; `bulkhead policy connections -f DIR` shows what the manifests allow.",
    ),
    rule(
        UNREADABLE,
        "A file or a directory cannot be read",
        "error",
        "Is it text, is it there, and may it be read? Nothing is concluded from the others until it can.",
    ),
    rule("lint-unknown", "A name that nothing has", "warning", "Correct the name, or add what it names."),
    rule(
        "lint-selects-nothing",
        "The document targets no service",
        "warning",
        "Correct the target, or remove the document.",
    ),
    rule(
        "lint-expired",
        "The rule has expired",
        "warning",
        "Remove the rule, or give it a later date with a reason.",
    ),
    rule(
        "lint-shadowed",
        "The rule never decides, because others with another action decide before",
        "warning",
        "Give it an order or a tier that decides before, or remove it.",
    ),
    rule(
        "lint-redundant",
        "The rule never decides, because others say the same before",
        "warning",
        "Remove it.",
    ),
    rule(
        "lint-dead",
        "The peers or ports of the rule select nothing",
        "warning",
        "Correct them, or remove the rule.",
    ),
    rule(
        "lint-conflicting",
        "A deny of the same tier and order takes away a part of what the rule allows",
        "warning",
        "Give one of them an order, so that it is written which one decides.",
    ),
    rule(
        "lint-over-broad",
        "The rule allows much more than was ever seen",
        "warning",
        "Narrow its peers or ports to what is used.",
    ),
    rule(
        "lint-unused",
        "Nothing that was seen needs the rule",
        "warning",
        "Remove it, or say in its name why it must stay.",
    ),
    rule(
        CLAIM_BROKEN,
        "A claim about the policy does not hold",
        "error",
        "The message names a flow that breaks it and the rules that let it through: change these, or the claim. `bulkhead policy verify` tells all of them.",
    ),
    rule(CLAIM_EMPTY, "A claim speaks of nobody", "warning", "Correct its peers: nothing was proved."),
    rule(
        FLOW_DENIED,
        "Traffic that was seen and expected would be denied",
        "error",
        "Add a rule for it (`bulkhead policy explain` prints one), or let --tolerate say how many such edges may be denied.",
    ),
];

const fn rule(id: &'static str, short: &'static str, level: &'static str, help: &'static str) -> Rule {
    Rule { id, short, help, level }
}
