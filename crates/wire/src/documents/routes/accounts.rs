//! Routes of accounts, contacts and blocks.

use crate::{
    data,
    documents::{
        requests::{
            AccountDeletion, BlockByEmail, ContactChange, ForgotPassword, Login, Logout, NewContact, PasswordChange,
            ProfileChange, Refresh, Register, ResetPassword,
        },
        route::{Reason, Route, USER_NOT_FOUND},
    },
    views::{ExportView, Session, Stats, Tokens, User},
};

const DELETION: &str = "Connections are closed, and the email is free at once. Others keep what they have a part in, as of a \
                        \"Former user\" with an id that all deleted accounts have in common.";
const DELETION_REFUSALS: &[Reason] =
    &[(403, "invalid_credentials"), (409, "emergency_live"), (409, "last_administrator")];
const FAILED_LOGINS: &str = "After 10 wrong passwords for one account from one address in 15 minutes, or 100 from all addresses in an \
                             hour; the latter not for addresses from which the account was logged in to. Also while too many \
                             passwords wait to be hashed.";
const QUEUE: &str = "Also while too many passwords wait to be hashed.";
const CONTACT_NOT_FOUND: Reason = (404, "contact_not_found");
const MAIL_NOT_CONFIGURED: Reason = (501, "mail_not_configured");

pub(super) fn routes() -> Vec<Route> {
    let mut all = signing_in();
    all.extend(vec![
        Route::new("POST", "/api/v1/auth/logout", "logOut")
            .says("End a session", "Or all sessions of the caller. Their connections are closed, and no push is sent to their devices. A helper stays on duty.")
            .body::<Logout>()
            .confirms("The session has ended."),
        Route::new("GET", "/api/v1/auth/sessions", "listSessions")
            .says("List the caller's sessions", "")
            .answers::<data::Sessions<'_>>(200, "Last used first."),
        Route::new("GET", "/api/v1/auth/me/access-log", "accessLog")
            .says(
                "List when administrators read exact places of the caller",
                "Each administrator, emergency and hour once. The entries stay when the emergency is deleted.",
            )
            .answers::<data::AccessLog>(200, "Newest first."),
        Route::new("GET", "/api/v1/auth/me/export", "exportAccount")
            .says("Read all that is stored of the caller", "Without who reported or blocked the caller.")
            .answers::<ExportView<'_>>(200, "The export."),
        Route::new("DELETE", "/api/v1/auth/sessions/{sessionId}", "endSession")
            .says("End one of the caller's sessions", "Also the present one. Its connections are closed.")
            .answers::<data::SessionDeleted>(200, "It has ended.")
            .refuses(&[(404, "session_not_found")]),
        Route::new("GET", "/api/v1/auth/me", "ownAccount")
            .says("Read the caller's account", "")
            .answers::<User<'_>>(200, "The account."),
        Route::new("PUT", "/api/v1/auth/me", "changeProfile")
            .says("Change the caller's profile", "")
            .body::<ProfileChange>()
            .answers::<User<'_>>(200, "The account as it is now."),
        Route::new("DELETE", "/api/v1/auth/me", "deleteAccount")
            .says("Delete the caller's account", DELETION)
            .body::<AccountDeletion>()
            .confirms("The account is deleted.")
            .pauses(FAILED_LOGINS)
            .refuses(DELETION_REFUSALS),
        Route::new("POST", "/api/v1/auth/me/delete", "deleteAccountByPost")
            .says("Delete the caller's account, where a proxy drops the body of a DELETE", DELETION)
            .body::<AccountDeletion>()
            .confirms("The account is deleted.")
            .pauses(FAILED_LOGINS)
            .refuses(DELETION_REFUSALS),
        Route::new("PUT", "/api/v1/auth/update-password", "changePassword")
            .says("Change the password", "Every other session ends.")
            .body::<PasswordChange>()
            .confirms("The new password holds.")
            .pauses(QUEUE)
            .refuses(&[(403, "invalid_credentials")]),
        Route::new("GET", "/api/v1/auth/stats", "ownStats")
            .says("Read how often the caller helped and was helped", "")
            .answers::<Stats>(200, "The numbers."),
    ]);
    all
}

fn signing_in() -> Vec<Route> {
    vec![
        Route::new("POST", "/api/v1/auth/register", "register")
            .says("Make an account", "")
            .open()
            .body::<Register>()
            .answers::<Session<'_>>(201, "The account, and the tokens of its first session.")
            .pauses(QUEUE)
            .refuses(&[(409, "email_taken")]),
        Route::new("POST", "/api/v1/auth/login", "logIn")
            .says("Log in", "")
            .open()
            .body::<Login>()
            .answers::<Session<'_>>(200, "The account, and the tokens of a new session.")
            .pauses(FAILED_LOGINS)
            .refuses(&[(401, "invalid_credentials"), (403, "account_blocked")]),
        Route::new("POST", "/api/v1/auth/refresh", "refreshTokens")
            .says(
                "Exchange a refresh token",
                "The old token is dead once its successor was used. If it is presented after that, the session ends.",
            )
            .open()
            .body::<Refresh>()
            .answers::<Tokens<'_>>(200, "The new tokens of the session.")
            .refuses(&[
                (401, "token_invalid"),
                (401, "token_expired"),
                (401, "refresh_token_reused"),
                (403, "account_blocked"),
            ]),
        Route::new("POST", "/api/v1/auth/forgot-password", "forgotPassword")
            .says(
                "Ask for a link to replace a forgotten password",
                "The answer does not tell whether there is an account.",
            )
            .open()
            .body::<ForgotPassword>()
            .confirms("If there is such an account, an email is on its way: one a minute, and five a day.")
            .pauses("Also while too many requests wait.")
            .refuses(&[MAIL_NOT_CONFIGURED]),
        Route::new("POST", "/api/v1/auth/reset-password", "resetPassword")
            .says("Replace a forgotten password", "All sessions of the account end.")
            .open()
            .body::<ResetPassword>()
            .confirms("The new password holds.")
            .pauses(QUEUE)
            .refuses(&[(400, "reset_token_invalid"), MAIL_NOT_CONFIGURED]),
    ]
}

pub(super) fn contacts() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/auth/emergency-contacts", "listContacts")
            .says("List the caller's emergency contacts", "")
            .answers::<data::Contacts<'_>>(200, "In their order."),
        Route::new("POST", "/api/v1/auth/emergency-contacts", "addContact")
            .says(
                "Add an emergency contact",
                "The contact is invited by email, and told nothing else before they agree.",
            )
            .body::<NewContact>()
            .answers::<data::Contact<'_>>(201, "The contact.")
            .refuses(&[(409, "too_many_contacts")]),
        Route::new("PUT", "/api/v1/auth/emergency-contacts/{contactId}", "changeContact")
            .says("Change an emergency contact", "")
            .body::<ContactChange>()
            .answers::<data::Contact<'_>>(200, "The contact as it is now.")
            .refuses(&[CONTACT_NOT_FOUND]),
        Route::new("DELETE", "/api/v1/auth/emergency-contacts/{contactId}", "deleteContact")
            .says("Delete an emergency contact", "")
            .answers::<data::ContactDeleted>(200, "It is deleted.")
            .refuses(&[CONTACT_NOT_FOUND]),
    ]
}

pub(super) fn blocks() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/auth/me/blocks", "listBlocks")
            .says("List the users that the caller blocked", "")
            .answers::<data::Blocks<'_>>(200, "Oldest first."),
        Route::new("POST", "/api/v1/auth/me/blocks", "blockByEmail")
            .says("Block a user by email address", "The answer is the same whether or not there is such an account.")
            .body::<BlockByEmail>()
            .answers::<data::Block<'_>>(200, "The block.")
            .refuses(&[(409, "too_many_blocks")]),
        Route::new("PUT", "/api/v1/auth/me/blocks/{userId}", "blockUser")
            .says("Block a user", "Neither is sent, alerted to or shown the emergencies of the other.")
            .answers::<data::Block<'_>>(200, "The block.")
            .refuses(&[USER_NOT_FOUND, (400, "invalid_input"), (409, "too_many_blocks")]),
        Route::new("DELETE", "/api/v1/auth/me/blocks/{userId}", "unblockUser")
            .says("Delete a block", "By the id of the user or of the block. Its effects last for a while.")
            .answers::<data::BlockDeleted>(200, "There is no such block any more.")
            .refuses(&[USER_NOT_FOUND]),
    ]
}
