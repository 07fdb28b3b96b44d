use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, StrInput, options};
use std::collections::{HashMap, HashSet};

/// What a text may cost at most. Hostile input is normal input.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one text.
    pub bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Nodes of the tree after aliases are expanded: what stops a "billion laughs".
    pub nodes: usize,
    /// Documents in one text.
    pub documents: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 64, nodes: 2_000_000, documents: 100_000 }
    }
}

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    pub line: u32,
    pub column: u32,
}

/// A value and where it stood.
#[derive(Debug, Clone)]
pub struct Node {
    pub mark: Mark,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    /// Text as written; `plain` unless it was quoted, so that `"80"` and `80` can be told apart.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys in the order of the text; none twice.
    Map(Vec<(String, Mark, Node)>),
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(fields) => fields.iter().find(|(name, _, _)| name == key).map(|(_, _, node)| node),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// The text is not YAML, or costs more than its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {message}", mark.line, mark.column)]
pub struct SyntaxError {
    pub mark: Mark,
    pub message: String,
}

/// All documents of a text that are well formed, and what is wrong with the others.
pub fn parse(text: &str, limits: Limits) -> (Vec<Node>, Vec<SyntaxError>) {
    if text.len() > limits.bytes {
        let message = format!("the text has {} bytes; at most {} are read", text.len(), limits.bytes);
        return (Vec::new(), vec![SyntaxError { mark: Mark { line: 1, column: 1 }, message }]);
    }
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options! { emit_comments: false }),
        anchors: HashMap::new(),
        nodes: 0,
        limits,
    };
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    loop {
        match builder.document() {
            Ok(Some(node)) => documents.push(node),
            Ok(None) => break,
            Err(error) => {
                let over = builder.nodes > limits.nodes;
                errors.push(error);
                // What follows a broken document may be sound, and its errors are wanted too.
                if over || errors.len() >= 100 || !matches!(builder.parser.proceed_next_document(), Ok(true))
                {
                    break;
                }
            }
        }
        if documents.len() > limits.documents {
            let message = format!("more than {} documents in one text", limits.documents);
            errors.push(SyntaxError { mark: documents[limits.documents].mark, message });
            break;
        }
    }
    documents.retain(|node| !matches!(node.value, Value::Null));
    (documents, errors)
}

type Fields = Vec<(String, Mark, Node)>;

const FEW_KEYS: usize = 16;

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    limits: Limits,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Mark)>, SyntaxError> {
        loop {
            match self.parser.next_event() {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(SyntaxError {
                        mark: mark_of(error.marker().line(), error.marker().col()),
                        message: format!("not valid YAML: {}", error.info()),
                    });
                }
                Some(Ok((Event::Comment(..) | Event::Anchor(..), _))) => {}
                Some(Ok((event, span))) => {
                    return Ok(Some((event, mark_of(span.start.line(), span.start.col()))));
                }
            }
        }
    }

    fn document(&mut self) -> Result<Option<Node>, SyntaxError> {
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::StreamStart | Event::DocumentEnd | Event::DocumentStart(..), _)) => {
                    self.anchors.clear();
                }
                Some((event, mark)) => return self.node(event, mark, 0).map(|(node, _)| Some(node)),
            }
        }
    }

    /// The node that begins with this event, and how many nodes it is in all.
    fn node(&mut self, event: Event<'a>, mark: Mark, depth: usize) -> Result<(Node, usize), SyntaxError> {
        self.count(1, mark)?;
        if depth > self.limits.depth {
            let message = format!("nested more than {} levels deep", self.limits.depth);
            return Err(SyntaxError { mark, message });
        }
        let (value, anchor, size) = match event {
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    let message = "an alias that refers to itself or to nothing".to_owned();
                    return Err(SyntaxError { mark, message });
                };
                self.count(size, mark)?;
                return Ok((Node { mark, ..node }, size + 1));
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = matches!(style, ScalarStyle::Plain);
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar { text: text.into_owned(), plain } };
                (value, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => {
                let (items, size) = self.items(depth)?;
                (Value::List(items), anchor, size)
            }
            Event::MappingStart(_, anchor, _) => {
                let (fields, size) = self.fields(depth)?;
                (Value::Map(fields), anchor, size)
            }
            _ => return Err(SyntaxError { mark, message: "expected a value".to_owned() }),
        };
        let node = Node { mark, value };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
            self.count(size, mark)?;
        }
        Ok((node, size))
    }

    fn items(&mut self, depth: usize) -> Result<(Vec<Node>, usize), SyntaxError> {
        let (mut items, mut total) = (Vec::new(), 1);
        loop {
            match self.next()? {
                Some((Event::SequenceEnd, _)) => return Ok((items, total)),
                Some((event, mark)) => {
                    let (node, size) = self.node(event, mark, depth + 1)?;
                    items.push(node);
                    total += size;
                }
                None => return Err(ended()),
            }
        }
    }

    fn fields(&mut self, depth: usize) -> Result<(Fields, usize), SyntaxError> {
        let mut fields = Fields::new();
        let mut seen = HashSet::new();
        let mut total = 1;
        loop {
            let (key, mark) = match self.next()? {
                Some((Event::MappingEnd, _)) => return Ok((fields, total)),
                Some((Event::Scalar(text, ..), mark)) => (text.into_owned(), mark),
                Some((_, mark)) => {
                    return Err(SyntaxError { mark, message: "a key must be a text".to_owned() });
                }
                None => return Err(ended()),
            };
            // Few keys are compared faster than hashed, and most maps have few.
            let twice = if fields.len() < FEW_KEYS {
                fields.iter().any(|(known, ..)| *known == key)
            } else {
                if seen.is_empty() {
                    seen.extend(fields.iter().map(|(known, ..)| known.clone()));
                }
                !seen.insert(key.clone())
            };
            if twice {
                return Err(SyntaxError { mark, message: format!("the key '{key}' stands here twice") });
            }
            let Some((event, value_mark)) = self.next()? else { return Err(ended()) };
            let (node, size) = self.node(event, value_mark, depth + 1)?;
            fields.push((key, mark, node));
            total += size + 1;
        }
    }

    fn count(&mut self, more: usize, mark: Mark) -> Result<(), SyntaxError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} values, aliases expanded", self.limits.nodes);
            return Err(SyntaxError { mark, message });
        }
        Ok(())
    }
}

fn ended() -> SyntaxError {
    SyntaxError { mark: Mark::default(), message: "the text ends inside of a document".to_owned() }
}

fn mark_of(line: usize, column: usize) -> Mark {
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Mark { line: clamp(line), column: clamp(column.saturating_add(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_line_and_column() {
        let (documents, errors) = parse("a: 1\nb:\n  - x\n  - 'y'\n", Limits::default());
        assert!(errors.is_empty());
        let list = documents[0].get("b").expect("b");
        let Value::List(items) = &list.value else { panic!("{list:?}") };
        assert_eq!(items[1].mark, Mark { line: 4, column: 5 });
        assert!(matches!(items[1].value, Value::Scalar { plain: false, .. }));
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next_one() {
        let (documents, errors) = parse("a: [1\n---\nb: 2\n---\nc: 1\nc: 2\n", Limits::default());
        assert_eq!(documents.len(), 1);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[1].message.contains("twice"));
    }

    #[test]
    fn a_billion_laughs_end_early() {
        let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let (documents, errors) = parse(&text, Limits::default());
        assert!(documents.is_empty());
        assert!(errors[0].message.contains("aliases expanded"), "{errors:?}");
    }

    #[test]
    fn what_is_longer_than_any_policy_is_refused_unread() {
        let long = format!("a: {}", "x".repeat(Limits::default().bytes));
        let (documents, errors) = parse(&long, Limits::default());
        assert!(documents.is_empty());
        assert!(errors[0].message.contains("at most 16777216 are read"), "{errors:?}");
        let many = "---\na: 1\n".repeat(12);
        let (documents, errors) = parse(&many, Limits { documents: 10, ..Limits::default() });
        assert_eq!(documents.len(), 11, "and no more is read");
        assert!(errors[0].message.contains("more than 10 documents"), "{errors:?}");
    }

    #[test]
    fn nesting_is_bounded() {
        let text = "[".repeat(100_000);
        let (documents, errors) = parse(&text, Limits::default());
        assert!(documents.is_empty() && !errors.is_empty());
    }

    #[test]
    fn json_is_read_too() {
        let (documents, errors) = parse(r#"{"a": {"b": [1, "two", null]}}"#, Limits::default());
        assert!(errors.is_empty());
        assert!(documents[0].get("a").and_then(|a| a.get("b")).is_some());
    }
}
