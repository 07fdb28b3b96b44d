//! Control groups as runtimes make them.

use bulkhead_discovery::cgroup::{self, GroupError, GroupWatch};
use bulkhead_testkit::{ControlGroup, cgroup::hierarchy, require, require_root};
use std::time::Duration;

const ID: &str = "77e1f3a04c01db0b77e1f3a04c01db0b77e1f3a04c01db0b77e1f3a04c01db0b";

fn possible(test: &str) -> bool {
    require_root(test) && require(test, hierarchy().is_some(), "control groups of version 2")
}

#[test]
fn the_group_of_a_process_is_found_by_the_name_of_its_container() {
    if !possible("the_group_of_a_process_is_found_by_the_name_of_its_container") {
        return;
    }
    let group = ControlGroup::new(&format!("docker-{ID}.scope"));
    let process = group.spawn("sleep", &["1000"]);
    let found = cgroup::of_container(process.id(), ID).expect("its own");
    assert_eq!((found.folder.as_path(), found.id), (group.folder(), group.id()));
    let other = ID.replace('7', "8");
    assert!(matches!(cgroup::of_container(process.id(), &other), Err(GroupError::NotOwn(_))));
    assert!(group.enter(cgroup::of_this_process).contains(&group.id()), "who is in it knows it");
    assert!(!cgroup::of_this_process().contains(&group.id()));
    drop(process);
    assert_eq!(cgroup::of_container(u32::MAX, ID), Err(GroupError::Gone));
}

#[test]
fn a_group_is_told_as_it_is_made_before_there_is_a_process_in_it() {
    if !possible("a_group_is_told_as_it_is_made_before_there_is_a_process_in_it") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut watch = GroupWatch::new().expect("watched").expect("there is a hierarchy");
        assert_eq!(watch.named_after(ID), None);
        for _ in 0..3 {
            let group = ControlGroup::new(ID);
            let told = async {
                loop {
                    // Others make groups meanwhile.
                    if let Some(found) =
                        watch.next().await.expect("watched").into_iter().find(|found| found.is_of(ID))
                    {
                        return found;
                    }
                }
            };
            let told = tokio::time::timeout(Duration::from_secs(20), told).await.expect("it is told");
            assert_eq!((told.folder.as_path(), told.id), (group.folder(), group.id()));
            assert_eq!(watch.named_after(ID), Some(told), "and found later");
            drop(group);
            assert_eq!(watch.named_after(ID), None, "but not once it is gone");
        }
    });
}
