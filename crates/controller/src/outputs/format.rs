//! Events as syslog lines and webhook bodies.

use crate::state::{kind_name, services_of};
use bulkhead_api::WebhookFormat;
use bulkhead_model::{Event, EventKind, Severity, Timestamp};
use std::fmt::Write;

/// facility 13 (log audit) * 8 + severity of RFC 5424
fn priority(severity: Severity) -> u32 {
    13 * 8
        + match severity {
            Severity::Critical => 2,
            Severity::Warning => 4,
            Severity::Notice => 5,
            Severity::Info => 6,
        }
}

/// RFC 3339 in UTC, milliseconds.
fn time(time: Timestamp) -> String {
    let (days, rest) = (time.0 / 86_400_000, time.0 % 86_400_000);
    // Civil from days, after Howard Hinnant: eras of 400 years that begin in March.
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (seconds, millis) = (rest / 1000, rest % 1000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The value of a structured-data parameter: RFC 5424 §6.3.3.
fn quoted(value: &str) -> String {
    let clean: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

/// What is worth a field of its own.
fn fields(event: &Event) -> Vec<(&'static str, String)> {
    let mut fields = vec![("id", event.id.0.to_string()), ("type", kind_name(&event.kind).to_owned())];
    let services: Vec<String> = services_of(&event.kind).iter().map(ToString::to_string).collect();
    if !services.is_empty() {
        fields.push(("services", services.join(",")));
    }
    if let EventKind::Denied(denial) | EventKind::WouldDeny(denial) = &event.kind {
        fields.push(("edge", denial.edge.to_string()));
        fields.push(("reason", denial.reason.to_string()));
        fields.push(("count", denial.count.to_string()));
        fields.extend(denial.rule_name.iter().map(|rule| ("rule", rule.to_string())));
        fields.extend(denial.process.iter().map(|process| ("process", process.executable.to_string())));
    }
    fields
}

pub(super) fn rfc5424(event: &Event, host: &str) -> String {
    let mut data = String::new();
    for (key, value) in fields(event) {
        let _ = write!(data, " {key}=\"{}\"", quoted(&value));
    }
    let message: String = event.message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!(
        "<{}>1 {} {host} bulkhead - {} [bulkhead@32473{data}] {message}",
        priority(event.severity),
        time(event.time),
        kind_name(&event.kind)
    )
}

fn cef_header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ")
}

fn cef_value(text: &str) -> String {
    text.replace('\\', "\\\\").replace('=', "\\=").replace('\n', "\\n").replace('\r', "\\r")
}

/// ArcSight's Common Event Format in the message of an RFC 5424 frame.
pub(super) fn cef(event: &Event, host: &str) -> String {
    let kind = kind_name(&event.kind);
    let severity = match event.severity {
        Severity::Info => 2,
        Severity::Notice => 4,
        Severity::Warning => 7,
        Severity::Critical => 9,
    };
    let mut extension =
        format!("rt={} externalId={} msg={}", event.time.0, event.id.0, cef_value(&event.message));
    if let EventKind::Denied(denial) | EventKind::WouldDeny(denial) = &event.kind {
        let tuple = &denial.tuple;
        let _ = write!(
            extension,
            " src={} spt={} dst={} dpt={} proto={} cnt={} reason={} cs1Label=edge cs1={} end={} act={kind}",
            tuple.client_address,
            tuple.client_port,
            tuple.server_address,
            tuple.server_port,
            tuple.protocol,
            denial.count,
            denial.reason,
            cef_value(&denial.edge.to_string()),
            denial.last.0
        );
        if let Some(process) = &denial.process {
            let _ = write!(extension, " sproc={} spid={}", cef_value(&process.executable), process.pid);
        }
    }
    let services: Vec<String> = services_of(&event.kind).iter().map(ToString::to_string).collect();
    if !services.is_empty() {
        let _ = write!(extension, " cs2Label=services cs2={}", cef_value(&services.join(",")));
    }
    format!(
        "<{}>1 {} {host} bulkhead - {kind} - CEF:0|Bulkhead|Bulkhead|{}|{kind}|{}|{severity}|{extension}",
        priority(event.severity),
        time(event.time),
        env!("CARGO_PKG_VERSION"),
        cef_header(kind)
    )
}

pub(super) fn webhook(event: &Event, format: WebhookFormat) -> String {
    let title = format!("Bulkhead: {}", kind_name(&event.kind));
    let value = match format {
        WebhookFormat::Json => serde_json::json!({ "source": "bulkhead", "event": event }),
        WebhookFormat::Slack => serde_json::json!({
            "text": format!("*{title}* ({})\n{}", event.severity, slack(&event.message)),
        }),
        WebhookFormat::Teams => {
            let facts: Vec<serde_json::Value> = fields(event)
                .into_iter()
                .map(|(title, value)| serde_json::json!({ "title": title, "value": value }))
                .collect();
            serde_json::json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "body": [
                            { "type": "TextBlock", "weight": "Bolder", "text": title, "wrap": true },
                            { "type": "TextBlock", "text": event.message, "wrap": true },
                            { "type": "FactSet", "facts": facts },
                        ],
                    },
                }],
            })
        }
        WebhookFormat::Otlp => otlp(event),
    };
    value.to_string()
}

/// One log record in the JSON form of OTLP: opentelemetry-proto 1.x, `ExportLogsServiceRequest`.
fn otlp(event: &Event) -> serde_json::Value {
    let text = |key: &str, value: &str| serde_json::json!({ "key": key, "value": { "stringValue": value } });
    let attributes: Vec<serde_json::Value> =
        fields(event).into_iter().map(|(key, value)| text(&format!("bulkhead.{key}"), &value)).collect();
    // 64-bit integers are strings in the JSON form of protocol buffers.
    let nanoseconds = format!("{}000000", event.time.0);
    let (number, severity) = match event.severity {
        Severity::Info => (9, "INFO"),
        Severity::Notice => (10, "INFO2"),
        Severity::Warning => (13, "WARN"),
        Severity::Critical => (17, "ERROR"),
    };
    serde_json::json!({ "resourceLogs": [{
        "resource": { "attributes": [text("service.name", "bulkhead"), text("service.version", env!("CARGO_PKG_VERSION"))] },
        "scopeLogs": [{
            "scope": { "name": "bulkhead.events" },
            "logRecords": [{
                "timeUnixNano": nanoseconds,
                "observedTimeUnixNano": nanoseconds,
                "severityNumber": number,
                "severityText": severity,
                "body": { "stringValue": event.message },
                "attributes": attributes,
                "eventName": format!("bulkhead.{}", kind_name(&event.kind)),
            }],
        }],
    }] })
}

/// Slack's three characters with a meaning.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_model::EventId;

    fn event(message: &str) -> Event {
        Event {
            id: EventId(7),
            time: Timestamp(1_763_645_445_123),
            severity: Severity::Critical,
            message: message.into(),
            kind: EventKind::Lost { what: "x".into(), count: 3 },
        }
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        assert_eq!(time(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(Timestamp(951_782_400_000)), "2000-02-29T00:00:00.000Z");
        assert_eq!(time(Timestamp(1_763_645_445_123)), "2025-11-20T13:30:45.123Z");
    }

    #[test]
    fn a_message_cannot_break_out_of_its_line() {
        let line = rfc5424(&event("one\ntwo <1>"), "host");
        assert_eq!(
            line,
            "<106>1 2025-11-20T13:30:45.123Z host bulkhead - lost [bulkhead@32473 id=\"7\" type=\"lost\"] one two <1>"
        );
        assert_eq!(quoted("a\"]\\\n"), "a\\\"\\]\\\\ ");
    }

    #[test]
    fn cef_escapes_what_has_a_meaning() {
        let line = cef(&event("a=b\\c\nd"), "host");
        assert!(line.contains("CEF:0|Bulkhead|Bulkhead|"), "{line}");
        assert!(line.contains("msg=a\\=b\\\\c\\nd"), "{line}");
        assert!(!line.contains('\n'));
    }

    #[test]
    fn slack_and_teams_get_their_shapes() {
        let slack: serde_json::Value =
            serde_json::from_str(&webhook(&event("<a>"), WebhookFormat::Slack)).expect("JSON");
        assert!(slack["text"].as_str().expect("text").contains("&lt;a&gt;"));
        let teams: serde_json::Value =
            serde_json::from_str(&webhook(&event("x"), WebhookFormat::Teams)).expect("JSON");
        assert_eq!(teams["attachments"][0]["content"]["type"], "AdaptiveCard");
    }

    #[test]
    fn collectors_of_opentelemetry_get_a_log_record() {
        let sent: serde_json::Value =
            serde_json::from_str(&webhook(&event("x"), WebhookFormat::Otlp)).expect("JSON");
        let record = &sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(record["timeUnixNano"], "1763645445123000000");
        assert_eq!((&record["severityNumber"], &record["eventName"]), (&17.into(), &"bulkhead.lost".into()));
        assert_eq!(record["attributes"][1]["value"]["stringValue"], "lost");
        let service = &sent["resourceLogs"][0]["resource"]["attributes"][0];
        assert_eq!(
            (&service["key"], &service["value"]["stringValue"]),
            (&"service.name".into(), &"bulkhead".into())
        );
    }
}
