//! `/api/v1/auth/me/blocks`: the users that the caller blocks; and the same list for administrators.

use allynet_domain::{
    BlockTarget, Refusal, UserBlock,
    usecase::blocks::{self, BlockPorts},
};
use allynet_wire::{data, input::accounts::block_by_email, views::BlockView};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::{Admin, Caller},
    input::{JsonBody, PathUser},
    routes::{Resource, Routes},
};

/// Routes of the caller's own blocks.
pub(crate) fn own(cx: BlockPorts) -> Routes {
    Resource::new()
        .get("/api/v1/auth/me/blocks", list)
        .post("/api/v1/auth/me/blocks", block_email)
        .put("/api/v1/auth/me/blocks/{userId}", block_user)
        .delete("/api/v1/auth/me/blocks/{userId}", unblock)
        .with_state(cx)
}

/// The route of administrators.
pub(crate) fn of_others(cx: BlockPorts) -> Routes {
    Resource::new().get("/api/v1/helpers/{userId}/blocks", list_of).with_state(cx)
}

async fn list(State(cx): State<BlockPorts>, Caller(actor): Caller) -> Answer {
    render(&cx.blocks.list(actor.id()).await?.unwrap_or_default())
}

async fn list_of(State(cx): State<BlockPorts>, _: Admin, PathUser(user): PathUser) -> Answer {
    render(&cx.blocks.list(user).await?.ok_or(Refusal::UserNotFound)?)
}

fn render(blocks: &[UserBlock]) -> Answer {
    ok(data::Blocks { blocks: blocks.iter().map(BlockView::from).collect() })
}

async fn block_email(State(cx): State<BlockPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let email = block_by_email(&body)?;
    let block = blocks::block(&cx, &actor, BlockTarget::Email(email)).await?;
    ok(data::Block { block: BlockView::from(&block) })
}

async fn block_user(State(cx): State<BlockPorts>, Caller(actor): Caller, PathUser(user): PathUser) -> Answer {
    let block = blocks::block(&cx, &actor, BlockTarget::User(user)).await?;
    ok(data::Block { block: BlockView::from(&block) })
}

/// The parameter is the id of the blocked user or of the block: a block by email does not show the user.
async fn unblock(State(cx): State<BlockPorts>, Caller(actor): Caller, PathUser(key): PathUser) -> Answer {
    blocks::unblock(&cx, &actor, key.into()).await?;
    ok(data::BlockDeleted { id: key.into(), deleted: true })
}
