//! Rulesets that are exported are rulesets to the kernel's own tool.

use bulkhead_testkit::require_root;
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Everything that a rule can say.
const WIDE: &str = r#"
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: wide, namespace: n}
spec:
  target: {service: n/A_b.c}
  ingress:
  - {from: [{namespace: "*"}, remoteHost], ports: [{protocol: icmpv6, type: 128, code: 3}, icmp/8, gre, {protocol: tcp, port: web}]}
  - {action: deny, from: [any], ports: [tcp/80, udp/1000-2000]}
  - {from: [world], applications: [http2, tls]}
  egress:
  - {to: [any]}
  - {action: deny, to: [{cidr: 10.0.0.0/8}], ports: [sctp/9]}
  - {to: [{cidr: {net: "2001:db8::/32", except: ["2001:db8:1::/48"]}}]}
"#;

fn export(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(["policy", "export", "--to", "nftables", "-f"])
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts")
}

#[test]
fn exported_rulesets_are_taken_by_nft_and_replace_each_other() {
    if !require_root("exported_rulesets_are_taken_by_nft_and_replace_each_other") {
        return;
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/policy");
    let folder = tempfile::tempdir().expect("a directory");
    fs::write(folder.path().join("wide.yaml"), WIDE).expect("writable");
    for folder in [examples.as_path(), folder.path()] {
        let written = export(folder);
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), &written.stdout).expect("writable");
        // Twice, and in a network of its own, so that nothing of the host is touched.
        let script = r#"nft -c -f "$0" && nft -f "$0" && nft -f "$0" && nft list table inet bulkhead"#;
        let listed = Command::new("unshare").args(["-n", "sh", "-ec", script]).arg(file.path()).output();
        let listed = listed.expect("unshare is there");
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(listed.status.success(), "{}\n{text}", String::from_utf8_lossy(&listed.stderr));
        assert!(text.contains("hook forward") && text.contains("counter packets 0 bytes 0 drop"), "{text}");
    }
}
