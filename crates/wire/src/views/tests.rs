//! What clients are shown, to the letter.

mod accounts;
mod emergencies;
mod messages;
