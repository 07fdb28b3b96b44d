//! Which services are promoted on evidence: by rules, by default, and by hand above all.

use super::{Answer, Asked, admin::invalid, json};
use crate::state::State;
use bulkhead_api::{AutomationRules, AutomationSetting};

/// Rules that there may be.
const RULES: usize = 1_000;

fn shown(state: &State) -> AutomationRules {
    let by_hand = state.services.iter().filter_map(|(name, record)| {
        record.automation.map(|automation| AutomationSetting { service: name.clone(), automation })
    });
    AutomationRules {
        automatic: state.settings.automatic,
        profile: state.settings.profile,
        rules: state.settings.automation.clone(),
        by_hand: by_hand.collect(),
    }
}

pub(super) async fn get(asked: Asked) -> Answer {
    json(&asked.app.act(|state| shown(state)).await?)
}

pub(super) async fn put(asked: Asked) -> Answer {
    let wanted: AutomationRules = asked.json()?;
    if wanted.rules.len() > RULES {
        return Err(invalid("rules", "too many rules", "use at most 1000"));
    }
    let actor = asked.caller.actor();
    let answer = asked
        .app
        .act(move |state| {
            for setting in &wanted.by_hand {
                if !state.services.contains_key(&setting.service) {
                    let message = format!("there is no service '{}'", setting.service);
                    return Err(invalid("by_hand", message, "GET /api/v1/services lists all services"));
                }
            }
            state.put_automation(wanted, &actor);
            Ok(shown(state))
        })
        .await??;
    json(&answer)
}
