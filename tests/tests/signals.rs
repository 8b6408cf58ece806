//! Runs the contract suite of the port `Signals` on every adapter.

use std::sync::Arc;

use allynet_domain::port::Signals;
use allynet_realtime::InProcessSignals;
use allynet_tests::signals_contract;

mod in_process {
    use super::*;

    signals_contract!({
        let one = InProcessSignals::single_node();
        let others = [one.with_peer(), one.with_peer()];
        [one].into_iter().chain(others).map(|node| Arc::new(node) as Arc<dyn Signals>).collect()
    });
}

mod redis {
    use allynet_tests::redis::shared;

    use super::*;

    signals_contract!(shared());
}
