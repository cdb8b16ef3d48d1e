use serde_json::{Value, json};

use super::*;
use crate::group_id::GroupIds;
use crate::{
    access::Access, directory::ListRequest, message::ResumeSecret, rooms::RoomKey,
    settings::SettingsChange,
};

fn hub() -> Arc<Hub> {
    let config = Config {
        resume_timeout: Duration::from_secs(10),
        ..Config::default()
    };
    Hub::new(&config, GroupIds::new(&[]))
}

fn request(resume: Option<ResumeSecret>) -> JoinRequest {
    JoinRequest {
        key: RoomKey {
            app: String::new(),
            name: "room".to_owned(),
            next: None,
        },
        has_extensions: true,
        group: None,
        resume,
        settings: SettingsChange::default(),
        access: Access::default(),
    }
}

/// Returns the messages that the server has queued.
fn messages(inbox: &mut Inbox) -> Vec<Value> {
    let queued = std::iter::from_fn(|| inbox.queue.pop());
    queued
        .map(|message| serde_json::from_str(message.to_text().unwrap()).unwrap())
        .collect()
}

fn secret(messages: &[Value]) -> Option<ResumeSecret> {
    let secret = messages[1]["Session"]["resume"].as_str().unwrap();
    ResumeSecret::parse(secret)
}

/// The list has a lock of its own.
#[test]
fn list_request_does_not_wait_for_the_rooms() {
    let hub = hub();
    let listed = SettingsChange {
        listed: Some(true),
        ..SettingsChange::default()
    };
    let creating = JoinRequest {
        settings: listed,
        ..request(None)
    };
    let (_member, _inbox) = hub.join(creating, None).unwrap();
    hub.update_list();
    let all = ListRequest::parse(&"/rooms".parse().unwrap(), &[]).unwrap();
    let state = hub.lock();
    let page = hub.list(&all).into_parts().concat();
    drop(state);
    let page: Value = serde_json::from_slice(&page).unwrap();
    assert_eq!(page["rooms"][0]["name"], "room");
}

/// The task of the old connection can notice its end at any time.
#[test]
fn end_of_a_replaced_connection_changes_nothing() {
    for notices_loss in [false, true] {
        let hub = hub();
        let (_a, mut a_inbox) = hub.join(request(None), None).unwrap();
        let (old, mut old_inbox) = hub.join(request(None), None).unwrap();
        let resume = secret(&messages(&mut old_inbox));
        let (new, mut new_inbox) = hub.join(request(resume), None).unwrap();
        assert_eq!(new.id, old.id);
        assert_eq!(old_inbox.ejected.try_recv(), Ok(Ejection::Replaced));
        messages(&mut a_inbox);
        messages(&mut new_inbox);
        if notices_loss {
            old.lose();
        } else {
            drop(old);
        }
        assert_eq!(messages(&mut a_inbox), [] as [Value; 0]);
        assert_eq!(hub.count(), (1, 2));
        let id = new.id;
        new.lose();
        assert_eq!(messages(&mut a_inbox), [json!({ "Doubtful": id })]);
    }
}

#[test]
fn nothing_is_queued_for_a_doubtful_member() {
    let hub = hub();
    let (a, _a_inbox) = hub.join(request(None), None).unwrap();
    let (b, mut b_inbox) = hub.join(request(None), None).unwrap();
    let resume = secret(&messages(&mut b_inbox));
    let id = b.id;
    b.lose();
    let data = serde_json::value::to_raw_value("hi").unwrap();
    a.signal(id, Payload(&data));
    assert!(messages(&mut b_inbox).is_empty());
    let (_b, mut b_inbox) = hub.join(request(resume), None).unwrap();
    let received = messages(&mut b_inbox);
    assert_eq!(received.len(), 3, "{received:?}");
    a.signal(id, Payload(&data));
    assert_eq!(messages(&mut b_inbox).len(), 1);
}

#[tokio::test]
async fn no_place_is_kept_while_the_server_shuts_down() {
    let hub = hub();
    let (_a, mut a_inbox) = hub.join(request(None), None).unwrap();
    let (b, _b_inbox) = hub.join(request(None), None).unwrap();
    messages(&mut a_inbox);
    hub.lifecycle().close().await;
    let id = b.id;
    b.lose();
    assert_eq!(messages(&mut a_inbox), [json!({ "PeerLeft": id })]);
    assert_eq!(hub.count(), (1, 1));
}

/// The task of the broken connection has ended, and has not reported the loss yet.
#[test]
fn message_to_a_broken_connection_does_not_end_its_place() {
    let hub = hub();
    let (lost, mut inbox) = hub.join(request(None), None).unwrap();
    let (id, resume) = (lost.id, secret(&messages(&mut inbox)));
    drop(inbox);
    let (_newcomer, _inbox) = hub.join(request(None), None).unwrap();
    lost.lose();
    let (back, _inbox) = hub.join(request(resume), None).unwrap();
    assert_eq!(back.id, id);
}
