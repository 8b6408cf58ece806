//! Tokens with which forgotten passwords are replaced. They are used up by `apply_change_v3`.

use allynet_domain::{
    Locale, MAX_RESETS_A_DAY, RESET_AGAIN_AFTER, RESET_VALID_FOR, RESETS_COUNTED_FOR, Timestamp, UserId,
    port::{KeyedHash, NewPasswordReset, PasswordResets, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

/// `NULL` while the owner of the account has a silent emergency.
const ISSUE: &str = "
    SELECT CASE WHEN (
        SELECT q.silent FROM account a
        CROSS JOIN LATERAL (
            SELECT q.silent FROM emergency q
            WHERE q.owner_id = a.id AND q.status IN ('active', 'responding') OFFSET 0) AS q
        WHERE a.email = $1
    ) IS NOT TRUE THEN issue_password_reset_v1($1, $2, $3, $4, $5, $6) END";
const FIND: &str = "
    SELECT r.account_id FROM password_reset r JOIN account a ON a.id = r.account_id
    WHERE r.token_hash = $1 AND r.created_at > $2 AND NOT a.blocked";

statements!(ISSUE, FIND);

#[async_trait]
impl PasswordResets for Postgres {
    #[instrument(name = "pg.password_resets.issue", level = "debug", skip_all)]
    async fn issue(&self, reset: &NewPasswordReset) -> Result<Option<Locale>> {
        let NewPasswordReset { email, token, at } = reset;
        let locale: Option<String> = sqlx::query_scalar(ISSUE)
            .bind(email.as_str())
            .bind(Uuid::from(*token))
            .bind(at)
            .bind(*at - RESET_AGAIN_AFTER)
            .bind(*at - RESETS_COUNTED_FOR)
            .bind(i32::try_from(MAX_RESETS_A_DAY).unwrap_or(i32::MAX))
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        RowDecoder { table: "account", id: Uuid::from(*token) }.parse_opt("locale", locale.as_deref())
    }

    #[instrument(name = "pg.password_resets.find", level = "debug", skip_all)]
    async fn find(&self, token: KeyedHash, at: Timestamp) -> Result<Option<UserId>> {
        let user: Option<Uuid> = sqlx::query_scalar(FIND)
            .bind(Uuid::from(token))
            .bind(at - RESET_VALID_FOR)
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        Ok(user.map(UserId::from))
    }
}
