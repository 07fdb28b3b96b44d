//! The last resort: image and command.

use super::sanitise::short_hash;

/// What starts other programs and says nothing about what runs.
const LAUNCHERS: &[&str] = &[
    "tini",
    "tini-static",
    "dumb-init",
    "catatonit",
    "docker-init",
    "env",
    "exec",
    "gosu",
    "su-exec",
    "setpriv",
    "nice",
    "entrypoint",
    "entrypoint.sh",
    "docker-entrypoint",
    "docker-entrypoint.sh",
    "python",
    "python3",
    "node",
    "java",
    "ruby",
    "perl",
    "php",
    "deno",
    "bun",
    "dotnet",
    "npm",
    "yarn",
    "npx",
    "uv",
    "poetry",
    "bundle",
    "run",
    "start",
];
const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "busybox", "zsh"];

/// The image without registry, tag and digest, its path in one word: `registry.example:5000/team/app:2` → `team.app`,
/// `docker.io/library/redis` → `redis`. An image known by its digest alone is `image-` and twelve digits of it.
pub fn image_name(image: &str) -> String {
    let reference = image.split('@').next().unwrap_or_default();
    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let digest =
        image.strip_prefix("sha256:").or_else(|| image.strip_prefix("@sha256:")).unwrap_or(reference);
    if digest.len() >= 12 && hexadecimal(digest) {
        return format!("image-{}", &digest[..12]);
    }
    let mut components: Vec<&str> = reference.split('/').filter(|c| !c.is_empty()).collect();
    // A first component with a dot or a port is a registry (distribution/reference), and so is `localhost`.
    if components.len() > 1 && (components[0].contains(['.', ':']) || components[0] == "localhost") {
        components.remove(0);
    }
    if components.len() > 1 && components[0] == "library" {
        components.remove(0);
    }
    if let Some(last) = components.last_mut() {
        *last = last.split(':').next().unwrap_or_default();
    }
    let name = components.join(".");
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

/// The image, and what it runs where that says more: `redis` with `redis-server` → `redis`, `alpine` with `sleep 60`
/// → `alpine-sleep`, `python` with `python worker.py` → `python-worker.py`. Scripts given to a shell are told apart by
/// a hash.
pub fn name_of_image_and_command(image: &str, command: &[String]) -> String {
    if image.is_empty()
        && let Some(program) = program(command)
    {
        return program;
    }
    let image = image_name(image);
    let short = image.rsplit('.').next().unwrap_or(&image).to_owned();
    match program(command) {
        Some(program) if !program.contains(&*short) && !short.contains(&program) => {
            format!("{image}-{program}")
        }
        _ => image,
    }
}

fn program(command: &[String]) -> Option<String> {
    let mut shell = None;
    for argument in command {
        let base = argument.rsplit('/').next().unwrap_or(argument);
        if shell.is_some() && argument.contains(char::is_whitespace) {
            return Some(format!("sh-{}", short_hash(argument)));
        }
        let says_nothing = base.is_empty()
            || argument.starts_with('-')
            || argument.contains('=')
            || base.bytes().all(|b| b.is_ascii_digit())
            || LAUNCHERS.contains(&base);
        if says_nothing {
            continue;
        }
        if SHELLS.contains(&base) {
            shell = Some(base);
            continue;
        }
        return Some(base.to_owned());
    }
    shell.map(str::to_owned)
}
