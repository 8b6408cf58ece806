//! Rate limits over real sockets, with a scripted limiter.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use allynet_domain::port::Fix;
use allynet_transport::testing::{Client, as_event, within};
use allynet_wire::limits::{Limit, LimitKey, Limiter, Limits};
use serde_json::Value;

use crate::node::{Node, emergency, raised, user};

const CALL: u128 = 7;
/// Delay after which the limiter says that an event may be repeated.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// Limiter that allows everything until the test forbids positions or events.
#[derive(Default)]
struct ScriptedLimiter {
    no_positions: AtomicBool,
    no_events: AtomicBool,
}

impl Limiter for ScriptedLimiter {
    fn take(&self, limit: Limit, _: LimitKey) -> Result<(), Duration> {
        let closed = match limit {
            Limit::Positions => &self.no_positions,
            Limit::SocketEvents => &self.no_events,
            _ => return Ok(()),
        };
        if closed.load(Ordering::SeqCst) { Err(RETRY_AFTER) } else { Ok(()) }
    }
}

async fn limited_node() -> (Node, Arc<ScriptedLimiter>) {
    let limiter = Arc::new(ScriptedLimiter::default());
    let node = Node::limited(Limits::on(limiter.clone())).await;
    node.script.live.lock().unwrap().push(raised(emergency(CALL), user(1)));
    (node, limiter)
}

/// Reports a position; the latitude is also the id under which an acknowledgement is expected.
async fn report_position(client: &mut Client, latitude: u32) {
    client
        .send(&format!(r#"42/emergencies,{latitude}["location:update",{{"latitude":{latitude},"longitude":0}}]"#))
        .await;
}

/// Next acknowledgement, positive or negative: its id and its content.
async fn acknowledged(client: &mut Client) -> (u32, Value) {
    loop {
        let packet = client.text().await;
        if let Some(answer) = packet.strip_prefix("43/emergencies,") {
            let (number, answer) = answer.split_at(answer.find('[').unwrap());
            let (answer,): (Value,) = serde_json::from_str(answer).unwrap();
            return (number.parse().unwrap(), answer);
        }
    }
}

/// Positions that are stored.
fn stored(node: &Node) -> Vec<Fix> {
    node.script.stored.lock().unwrap().clone()
}

#[tokio::test]
async fn of_deferred_positions_the_newest_is_stored_and_other_events_do_not_wait() {
    let (node, limiter) = limited_node().await;
    let mut client = node.connect(1).await;
    limiter.no_positions.store(true, Ordering::SeqCst);
    for latitude in 1..=80 {
        report_position(&mut client, latitude).await;
    }
    client.send(r#"42/emergencies,99["emergency:join",{"emergencyId":"current"}]"#).await;
    let (number, answer) = acknowledged(&mut client).await;
    assert_eq!((number, &answer["ok"]), (99, &Value::Bool(true)));
    // An invalid position is refused at once.
    client.send(r#"42/emergencies,98["location:update",{"latitude":91,"longitude":0}]"#).await;
    let (number, answer) = acknowledged(&mut client).await;
    assert_eq!((number, &answer["error"]["code"]), (98, &Value::from("invalid_payload")));
    assert_eq!(stored(&node), []);

    limiter.no_positions.store(false, Ordering::SeqCst);
    for latitude in 1..=80 {
        let (number, answer) = acknowledged(&mut client).await;
        assert_eq!((number, answer["latitude"].as_f64()), (latitude, Some(f64::from(latitude))), "{answer}");
    }
    let latitudes: Vec<_> = stored(&node).iter().map(|fix| fix.position.latitude()).collect();
    assert_eq!(latitudes, [80.0]);
}

#[tokio::test]
async fn a_deferred_position_is_older_than_a_later_one_of_another_device() {
    let (node, limiter) = limited_node().await;
    let (mut slow, mut other) = (node.connect(1).await, node.connect(1).await);
    limiter.no_positions.store(true, Ordering::SeqCst);
    report_position(&mut slow, 1).await;
    slow.send(r#"42/emergencies,99["emergency:leave",{"emergencyId":"current"}]"#).await;
    acknowledged(&mut slow).await;
    limiter.no_positions.store(false, Ordering::SeqCst);
    report_position(&mut other, 2).await;
    acknowledged(&mut other).await;
    acknowledged(&mut slow).await;
    let mut fixes = stored(&node);
    fixes.sort_by_key(|fix| fix.at);
    let latitudes: Vec<_> = fixes.iter().map(|fix| fix.position.latitude()).collect();
    assert_eq!(latitudes, [1.0, 2.0], "the store keeps the newer of the two, in whatever order they arrive");
}

#[tokio::test]
async fn a_deferred_position_is_dropped_when_its_connection_ends() {
    let (node, limiter) = limited_node().await;
    let mut client = node.connect(1).await;
    limiter.no_positions.store(true, Ordering::SeqCst);
    report_position(&mut client, 1).await;
    client.send(r#"42/emergencies,99["emergency:leave",{"emergencyId":"current"}]"#).await;
    acknowledged(&mut client).await;
    assert_eq!(node.gateway.presence().helpers_online(), 1);
    drop(client);
    within(async {
        while node.gateway.presence().helpers_online() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    limiter.no_positions.store(false, Ordering::SeqCst);
    tokio::time::sleep(3 * RETRY_AFTER).await;
    assert_eq!(stored(&node), []);
}

#[tokio::test]
async fn joining_ones_own_emergency_is_never_limited() {
    let (node, limiter) = limited_node().await;
    let (mut owner, mut looker_on) = (node.connect(1).await, node.connect(2).await);
    limiter.no_events.store(true, Ordering::SeqCst);
    node.script.accounts.send_replace(false);
    let looked_up = node.script.looked_up.notified();
    let id = emergency(CALL);
    let join = |number| format!(r#"42/emergencies,{number}["emergency:join",{{"emergencyId":"{id}"}}]"#);
    for number in 0..300 {
        owner.send(&join(number)).await;
    }
    within(looked_up).await;
    looker_on.send(&join(0)).await;
    let (_, refusal) = acknowledged(&mut looker_on).await;
    assert_eq!((&refusal["error"]["code"], &refusal["error"]["retryAfterMs"]), (&"rate_limited".into(), &20.into()));
    node.script.accounts.send_replace(true);
    for number in 0..300 {
        let (answered, answer) = acknowledged(&mut owner).await;
        assert_eq!((answered, &answer["ok"]), (number, &Value::Bool(true)), "{answer}");
    }
}

#[tokio::test]
async fn a_refusal_without_acknowledgement_is_sent_as_an_event() {
    let (node, limiter) = limited_node().await;
    let mut client = node.connect(2).await;
    limiter.no_events.store(true, Ordering::SeqCst);
    client.send(r#"42/emergencies,["emergency:dance",{}]"#).await;
    let (name, error, _) = as_event(&client.text().await).unwrap();
    assert_eq!(name, "error");
    assert_eq!(error["event"], "emergency:dance");
    assert_eq!((&error["code"], &error["retryAfterMs"]), (&"rate_limited".into(), &20.into()));
}
