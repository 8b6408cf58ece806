//! Retries of `POST /emergencies`: the answer is lost, the node is killed, and the request is sent again to another node.

use std::{sync::Arc, time::Duration};

use allynet_domain::Event;
use allynet_tests::service::{
    node::{Node, Route},
    world::{Kind, World},
};
use tokio::{sync::Notify, time::sleep};

use crate::{
    burst::{Scene, raising},
    checker::check,
    form::{Chance, alone, number, seed},
    ledger::{Wish, raised},
    proxy::{Proxy, Weather},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_whose_answer_was_lost_is_raised_once() {
    let what = "answers lost, nodes killed";
    let _turn = alone().await;
    let seed = seed();
    println!("{what}, seed {seed}");
    let mut chance = Chance::new(seed);
    let owners = number("FAULTS_RETRIES", 12, 100);
    let world = World::new(&Kind::postgres(), 5, 5, owners).await;
    let url = world.url();
    let (mut first, second) = (Node::start(&url).await, Node::start(&url).await);
    let (to_first, to_second) = (Route::to(&[first.address]), Route::to(&[second.address]));
    let passed = Arc::new(Notify::new());
    let proxy = Proxy::start(to_first.clone(), Weather::LosesAnswers(Arc::clone(&passed)), chance.fork()).await;
    let (through, scene) = (Route::to(&[proxy.address]), Scene::new(world, &to_second));

    let mut lost = 0;
    for n in 0..owners {
        let owner = &scene.world.owners[n];
        let (wish, request) = (Wish::Raise { owner: owner.id }, raising(""));
        let (ledger, again) = (&scene.ledger, chance.between(Duration::ZERO, Duration::from_millis(30)));
        let sent = ledger.ask(&wish, &request, owner, &through, 0);
        let crash = async {
            passed.notified().await;
            sleep(again).await;
        };
        if n % 2 == 0 {
            // The second request may overtake the first.
            let (answer, ()) = tokio::join!(sent, crash);
            lost += usize::from(answer.is_none());
        } else {
            tokio::select! {
                biased;
                () = crash => {}
                answer = sent => lost += usize::from(answer.is_none()),
            }
            first.kill();
            first = Node::start(&url).await;
            to_first.set(&[first.address]);
        }
        let body = ledger.insist(&wish, &request, owner, &to_second, &mut chance).await;
        let repeated = ledger.insist(&wish, &request, owner, &to_first, &mut chance).await;
        assert_eq!(body.as_ref().and_then(raised), repeated.as_ref().and_then(raised), "seed {seed}");
    }
    check(&scene, &[], &format!("seed {seed}")).await;
    let log = scene.world.log().await;
    let created = log.iter().filter(|event| matches!(event.event, Event::EmergencyCreated { .. })).count();
    assert_eq!(created, owners, "seed {seed}");
    println!("{what}: {owners} emergencies raised once each, {lost} answers lost by the proxy");
    first.stop().await;
    second.stop().await;
    scene.world.remove().await;
}
