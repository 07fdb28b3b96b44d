//! Kubernetes names pods after their owners and appends what tells them apart.

use std::collections::BTreeMap;

/// The owner that a pod's name and labels tell: `web-7d4b9c6f5d-x2x4z` → `web` (Deployment), `node-agent-k8s7p` →
/// `node-agent` (DaemonSet, Job), `redis-0` → `redis` (StatefulSet), `backup-28473920-hv4bd` → `backup` (CronJob).
pub fn owner_of_pod(pod: &str, labels: &BTreeMap<String, String>) -> String {
    let label = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    // Exact where the labels tell the hash or the job.
    if let Some(hash) = label("pod-template-hash")
        && let Some((owner, _)) = pod.rsplit_once(&format!("-{hash}-"))
        && !owner.is_empty()
    {
        return owner.to_owned();
    }
    if let Some(job) = label("batch.kubernetes.io/job-name").or_else(|| label("job-name")) {
        return without_schedule(job).to_owned();
    }
    match pod.rsplit_once('-') {
        Some((owner, last)) if !owner.is_empty() && last.len() == 5 && is_random_suffix(last) => {
            let scheduled = without_schedule(owner);
            if scheduled != owner {
                return scheduled.to_owned();
            }
            match owner.rsplit_once('-') {
                Some((deployment, hash))
                    if !deployment.is_empty() && (7..=10).contains(&hash.len()) && is_random_suffix(hash) =>
                {
                    deployment.to_owned()
                }
                _ => owner.to_owned(),
            }
        }
        Some((owner, ordinal))
            if !owner.is_empty() && !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit()) =>
        {
            owner.to_owned()
        }
        _ => pod.to_owned(),
    }
}

/// A CronJob appends the scheduled time to its jobs: minutes since 1970, eight digits (seconds before 1.21).
fn without_schedule(job: &str) -> &str {
    match job.rsplit_once('-') {
        Some((owner, time))
            if !owner.is_empty()
                && (8..=10).contains(&time.len())
                && time.bytes().all(|b| b.is_ascii_digit()) =>
        {
            owner
        }
        _ => job,
    }
}

/// Whether all is of the alphabet that Kubernetes draws suffixes from (apimachinery `util/rand`): no vowels, so that
/// no words arise, and nothing that looks like another character.
pub(super) fn is_random_suffix(text: &str) -> bool {
    text.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
}
