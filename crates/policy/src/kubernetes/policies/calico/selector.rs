//! Calico's language of selectors: `role == 'db' && (env in {'a', 'b'} || !has(test))`.
//!
//! An expression is brought into a union of conjunctions, which the selectors of all other policies are.

use crate::kubernetes::{Operator, Requirement};
use std::collections::BTreeSet;

/// Requirements that must all hold.
pub(super) type Conjunction = Vec<Requirement>;

/// What an expression means: any of these. Empty where nothing can match.
pub(super) type Alternatives = Vec<Conjunction>;

/// No expression of a person's needs more.
const MOST_ALTERNATIVES: usize = 256;
const MOST_LEVELS: usize = 32;

/// What is wrong with an expression, and at which character of it, from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) message: String,
}

/// An expression as it was written.
#[derive(Debug, Clone)]
enum Expression {
    All,
    Is(Requirement),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

/// Whether the whole expression is `global()`.
pub(super) fn is_global(text: &str) -> bool {
    text.split_whitespace().collect::<String>() == "global()"
}

pub(super) fn parse(text: &str) -> Result<Alternatives, Wrong> {
    if text.trim().is_empty() {
        return Ok(vec![Vec::new()]);
    }
    let mut parser = Parser { text, at: 0, level: 0 };
    let expression = parser.either()?;
    parser.blank();
    if parser.at < text.len() {
        return Err(parser.wrong("expected '&&', '||' or the end"));
    }
    let alternatives = expression.alternatives(true);
    alternatives
        .ok_or_else(|| Wrong { at: 0, message: "the expression has too many alternatives".to_owned() })
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    level: usize,
}

impl<'t> Parser<'t> {
    fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong { at: self.text[..self.at].chars().count(), message: message.into() }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn blank(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes a sign, where it comes next.
    fn takes(&mut self, sign: &str) -> bool {
        self.blank();
        let next = self.rest().starts_with(sign);
        self.at += if next { sign.len() } else { 0 };
        next
    }

    fn expect(&mut self, sign: &str) -> Result<(), Wrong> {
        if self.takes(sign) { Ok(()) } else { Err(self.wrong(format!("expected '{sign}'"))) }
    }

    /// Takes a word of letters, where it comes next and ends there.
    fn takes_word(&mut self, word: &str) -> bool {
        self.blank();
        let next = self.rest().strip_prefix(word);
        let next = next.is_some_and(|rest| !rest.starts_with(is_label));
        self.at += if next { word.len() } else { 0 };
        next
    }

    fn either(&mut self) -> Result<Expression, Wrong> {
        let mut parts = vec![self.both()?];
        while self.takes("||") {
            parts.push(self.both()?);
        }
        Ok(Expression::Or(parts))
    }

    fn both(&mut self) -> Result<Expression, Wrong> {
        let mut parts = vec![self.one()?];
        while self.takes("&&") {
            parts.push(self.one()?);
        }
        Ok(Expression::And(parts))
    }

    fn one(&mut self) -> Result<Expression, Wrong> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return Err(self.wrong("nested too deeply"));
        }
        let one = self.inner();
        self.level -= 1;
        one
    }

    fn inner(&mut self) -> Result<Expression, Wrong> {
        if self.takes("!") {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        if self.takes("(") {
            let inner = self.either()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let label = self.label()?;
        match label {
            "all" if self.takes("(") => {
                self.expect(")")?;
                return Ok(Expression::All);
            }
            "global" if self.takes("(") => return Err(self.wrong("global() can only stand alone")),
            "has" if self.takes("(") => {
                let key = self.label()?.to_owned();
                self.expect(")")?;
                return Ok(Expression::Is(Requirement { key, operator: Operator::Exists }));
            }
            _ => {}
        }
        let operator = if self.takes("==") {
            Operator::In(BTreeSet::from([self.value()?]))
        } else if self.takes("!=") {
            Operator::NotIn(BTreeSet::from([self.value()?]))
        } else if self.takes_word("in") {
            Operator::In(self.values()?)
        } else if self.takes_word("not") {
            if !self.takes_word("in") {
                return Err(self.wrong("expected 'in' after 'not'"));
            }
            Operator::NotIn(self.values()?)
        } else if ["contains", "starts", "ends"].into_iter().any(|word| self.takes_word(word)) {
            return Err(
                self.wrong("parts of values cannot be selected here; name the values: key in {'a', 'b'}")
            );
        } else {
            return Err(self.wrong("expected ==, !=, in or not in"));
        };
        Ok(Expression::Is(Requirement { key: label.to_owned(), operator }))
    }

    fn label(&mut self) -> Result<&'t str, Wrong> {
        self.blank();
        let rest = self.rest();
        let label = &rest[..rest.find(|c| !is_label(c)).unwrap_or(rest.len())];
        if label.is_empty() {
            return Err(self.wrong("expected a label, all(), has(label), '!' or '('"));
        }
        self.at += label.len();
        Ok(label)
    }

    fn value(&mut self) -> Result<String, Wrong> {
        self.blank();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'));
        let Some(quote) = quote else { return Err(self.wrong("expected a value in quotes")) };
        let inner = &self.rest()[1..];
        let Some(end) = inner.find(quote) else { return Err(self.wrong("the quotes are not closed")) };
        self.at += end + 2;
        Ok(inner[..end].to_owned())
    }

    fn values(&mut self) -> Result<BTreeSet<String>, Wrong> {
        self.expect("{")?;
        let mut values = BTreeSet::new();
        while !self.takes("}") {
            values.insert(self.value()?);
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(values)
    }
}

fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')
}

impl Expression {
    /// The expression, or its contrary, as a union of conjunctions. `None` where there are too many.
    fn alternatives(&self, wanted: bool) -> Option<Alternatives> {
        match (self, wanted) {
            (Self::All, true) => Some(vec![Vec::new()]),
            (Self::All, false) => Some(Vec::new()),
            (Self::Is(requirement), wanted) => {
                let key = requirement.key.clone();
                let operator = match (requirement.operator.clone(), wanted) {
                    (operator, true) => operator,
                    (Operator::In(values), false) => Operator::NotIn(values),
                    (Operator::NotIn(values), false) => Operator::In(values),
                    (Operator::Exists, false) => Operator::DoesNotExist,
                    (Operator::DoesNotExist, false) => Operator::Exists,
                };
                Some(vec![vec![Requirement { key, operator }]])
            }
            (Self::Not(inner), wanted) => inner.alternatives(!wanted),
            (Self::Or(parts), true) | (Self::And(parts), false) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(part.alternatives(wanted)?);
                    all.sort();
                    all.dedup();
                    if all.len() > MOST_ALTERNATIVES {
                        return None;
                    }
                }
                Some(all)
            }
            (Self::And(parts), true) | (Self::Or(parts), false) => {
                let mut all = vec![Vec::new()];
                for part in parts {
                    all = product(&all, &part.alternatives(wanted)?)?;
                }
                Some(all)
            }
        }
    }
}

/// What both of two expressions mean. `None` where there are too many alternatives.
pub(super) fn product(one: &Alternatives, other: &Alternatives) -> Option<Alternatives> {
    let mut all = Vec::new();
    for a in one {
        for b in other {
            let mut both: Conjunction = a.iter().chain(b).cloned().collect();
            both.sort();
            both.dedup();
            all.push(both);
        }
        if all.len() > MOST_ALTERNATIVES {
            return None;
        }
    }
    all.sort();
    all.dedup();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{Labels, Selector};

    fn matches(text: &str, labels: &[(&str, &str)]) -> bool {
        let labels: Labels =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let alternatives = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        alternatives.into_iter().any(|conjunction| Selector::new(conjunction).matches(&labels))
    }

    #[test]
    fn expressions_mean_what_calico_says_they_mean() {
        for (text, labels, expected) in [
            ("", &[][..], true),
            ("all()", &[], true),
            ("!all()", &[], false),
            ("a == 'x'", &[("a", "x")], true),
            ("a == \"x\"", &[("a", "y")], false),
            ("a != 'x'", &[], true),
            ("has(a)", &[("a", "")], true),
            ("!has(a)", &[("a", "")], false),
            ("a in {'x', 'y'}", &[("a", "y")], true),
            ("a in { }", &[("a", "y")], false),
            ("a not in {'x'}", &[], true),
            ("a == 'x' && b == 'y'", &[("a", "x")], false),
            ("a == 'x' || b == 'y'", &[("b", "y")], true),
            ("!(a == 'x' || b == 'y')", &[("b", "y")], false),
            ("!(a == 'x' && b == 'y')", &[("b", "y")], true),
            // 'and' binds tighter than 'or'.
            ("a == '1' || b == '1' && c == '1'", &[("a", "1")], true),
            ("(a == '1' || b == '1') && c == '1'", &[("a", "1")], false),
            ("app.kubernetes.io/name == 'it''s'", &[], false),
        ] {
            let parsed = parse(text);
            if parsed.is_ok() {
                assert_eq!(matches(text, labels), expected, "{text} of {labels:?}");
            } else {
                assert!(text.contains("''"), "{text}: {parsed:?}");
            }
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, at, part) in [
            ("a = 'x'", 2, "expected =="),
            ("a == x", 5, "in quotes"),
            ("a == 'x' b", 9, "expected '&&'"),
            ("(a == 'x'", 9, "expected ')'"),
            ("a contains 'x'", 10, "name the values"),
            ("a == 'x' && global()", 19, "alone"),
        ] {
            let wrong = parse(text).expect_err(text);
            assert_eq!(wrong.at, at, "{text}: {wrong:?}");
            assert!(wrong.message.contains(part), "{text}: {wrong:?}");
        }
        assert!(parse(&"(".repeat(10_000)).is_err());
        assert!(parse(&"!".repeat(10_000)).is_err());
        let many = (0..20).map(|n| format!("(a{n} == 'x' || b{n} == 'x')")).collect::<Vec<_>>().join(" && ");
        assert!(parse(&many).is_err());
    }
}
