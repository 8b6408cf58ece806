//! The cases by port, cases of whole waves of alerts, and the list of all, from which the tests of every adapter are made.

pub mod access_log;
pub mod accounts;
pub mod alerts;
pub mod availability;
pub mod blocks;
pub mod changes;
pub mod contact_notices;
pub mod contacts;
pub mod deletions;
pub mod details;
pub mod devices;
pub mod dispatch;
pub mod emergencies;
pub mod exports;
mod fixtures;
pub mod helpers;
pub mod lists;
pub mod log;
pub mod logins;
pub mod messages;
pub mod moves;
pub mod nearby;
pub mod outbox;
pub mod password_resets;
pub mod positions;
pub mod racing;
pub mod raising;
pub mod receipts;
pub mod reputation;
pub mod resources;
pub mod responding;
pub mod retention;
pub mod roles;
mod service;
pub mod sessions;
mod store;
pub mod taking_part;
pub mod waves;

pub use fixtures::*;
pub use service::*;
pub use store::{Database, Store, run};

/// Makes a test of every case, on databases of this type; or passes the list to another macro.
#[macro_export]
macro_rules! contract {
    ($database:ty) => {
        $crate::contract! { $database => $crate::tests_of }
    };
    ($database:ty => $($of_all:tt)+) => {
        $($of_all)+! { $database;
            access_log {
                a_reading_is_stored_once_within_an_hour_for_each_administrator_and_place
                readings_outlive_the_emergency
                of_readings_at_once_one_is_stored
            }
            accounts {
                an_account_is_read_back_as_it_was_registered
                unknown_accounts_and_emails_are_not_found
                an_email_belongs_to_one_account
                of_many_registrations_of_one_email_at_once_exactly_one_succeeds
                a_profile_is_replaced_as_a_whole
                a_new_password_replaces_the_old_one
                only_the_first_helper_record_sets_the_verification
                an_administrators_verification_is_stored
                what_an_administrator_checked_is_stored_and_expected
                an_expected_account_must_still_have_its_rights
                of_concurrent_decisions_on_one_account_exactly_one_is_stored
                a_block_is_stored_and_lifted
                administrators_are_listed_oldest_first
                activity_counts_raised_and_helped_emergencies
                helpers_are_paged_oldest_first_and_none_is_lost_among_equal_times
            }
            alerts {
                alerts_are_loaded_in_the_order_of_waves_then_of_distance
                counts_include_the_last_wave_and_the_answers_of_alerted_helpers
                only_the_first_acknowledgement_counts
                acknowledgements_in_one_change_are_stored_one_by_one
                of_many_acknowledgements_at_once_exactly_one_is_the_first
                an_acknowledgement_without_an_alert_is_ignored
                an_acknowledgement_leaves_the_revision_as_it_was
                the_wave_is_moved_by_sending_alerts_only_and_only_forward
                the_time_of_the_next_wave_is_stored
                waves_are_due_from_their_moment_on_longest_waiting_first
                expired_emergencies_are_due_despite_responses
                an_emergency_without_a_timer_is_due_while_helpers_respond
                ended_emergencies_are_not_due
                a_decline_is_stored_and_taken_back
                a_helper_alerted_again_counts_once
            }
            availability {
                helpers_that_are_away_are_neither_alerted_nor_counted_unless_an_emergency_breaks_through
                an_owner_who_is_away_does_not_count_at_their_own_anonymous_emergency
                a_first_position_knows_the_absence
                an_alert_is_not_repeated_to_a_helper_that_is_away_meanwhile
                helpers_that_are_passed_over_are_counted_by_reason
                a_helper_that_is_available_again_is_looked_at
                the_limit_counts_different_owners_in_a_day_and_never_stops_a_critical_emergency
                helpers_are_due_for_review_when_something_begins_or_ends
                preferences_are_read_back_and_expected
                reviews_by_two_nodes_are_recorded_once
                coverage_has_the_helpers_whom_a_new_emergency_would_count
                coverage_has_each_of_many_helpers_once
            }
            blocks {
                blocks_are_listed_oldest_first_as_they_were_named
                every_read_says_whether_a_block_hides_an_emergency
                blocks_leave_helpers_out_of_alerts_and_not_out_of_counts
                an_acceptance_is_decided_on_the_blocks_that_the_helper_has_by_then
                a_block_between_two_responding_helpers_is_read_with_the_emergency
                a_block_in_the_list_is_not_replaced
                a_block_by_email_applies_to_an_account_that_is_registered_later
                of_a_block_and_a_registration_of_its_email_at_once_neither_misses_the_other
                a_removed_block_leaves_the_list_at_once_and_has_effect_until_its_earliest_end
                a_pair_stays_blocked_while_another_block_applies
                the_list_and_the_blocks_in_effect_have_a_limit
                a_block_decided_on_other_emergencies_is_stale
                of_a_block_and_an_emergency_raised_at_once_the_later_knows_of_the_earlier
            }
            changes {
                the_store_is_ready
                writes_are_applied_in_order
                a_change_that_fails_leaves_nothing_behind
                an_empty_change_is_committed
            }
            contact_notices {
                a_contact_is_told_once_when_the_delay_is_over
                a_notice_has_the_call_of_the_owner
                an_address_that_was_told_often_is_told_of_emergencies_that_last
                contacts_that_wait_for_an_answer_are_told_when_there_is_none
                only_addresses_that_agreed_are_told
                contacts_that_live_with_the_owner_are_left_out_of_a_silent_emergency
                an_address_that_was_told_hears_the_end_and_that_the_emergency_goes_on
                the_end_of_a_deleted_emergency_is_told
                the_end_is_told_although_the_account_of_the_owner_was_deleted_since
                a_review_is_claimed_by_one_node_until_the_emergency_changes
                a_notice_is_claimed_by_one_node_and_tried_again
                a_notice_that_may_have_been_sent_counts_as_sent_after_the_end
                notices_of_emergencies_take_turns
                an_address_that_cannot_be_reached_is_told_nothing_more
                a_notice_is_not_sent_once_it_is_overtaken
                the_page_of_a_contact_is_shown_until_two_hours_after_the_end
                a_contact_says_once_what_they_do
                a_contact_that_acts_has_read_the_message
                what_waits_for_contacts_can_be_dropped
                notices_are_deleted_when_nothing_is_left_to_tell
                every_change_that_concerns_contacts_makes_a_review_due
            }
            contacts {
                contacts_are_listed_in_their_order_then_oldest_first
                a_contact_is_changed_and_removed_by_its_owner_only
                of_many_contacts_at_once_ten_are_added
                an_address_is_invited_once_by_each_user_whatever_becomes_of_the_contact
                an_invitation_that_was_not_sent_goes_with_its_contact
                five_invitations_of_a_user_are_due_in_a_day
                an_invitation_is_claimed_by_one_node_until_the_claim_ends
                an_invitation_is_sent_again_or_given_up
                invitations_of_blocked_users_wait
                invitations_that_wait_can_be_dropped
                an_address_agrees_once
                a_stop_holds_for_every_user
            }
            details {
                changed_details_are_read_back_and_nothing_else_changes
                details_decided_on_another_revision_are_not_stored
                an_emergency_that_becomes_critical_reaches_helpers_in_quiet_hours_at_once
                looking_again_and_again_alerts_no_more_helpers_than_a_wave
                of_a_change_and_an_end_at_once_no_change_follows_the_end
                of_a_change_and_acceptances_at_once_all_are_stored
                messages_that_are_being_sent_say_what_the_emergency_is_now
            }
            devices {
                devices_are_listed_newest_first_as_they_were_registered
                a_registration_is_decided_on_own_devices_and_the_one_with_the_endpoint
                an_endpoint_and_a_session_have_one_device
                a_device_registered_again_has_a_new_session_and_new_keys
                a_new_device_begins_with_the_tests_of_its_user
                of_many_registrations_at_once_no_more_than_the_limit_are_stored
                devices_go_with_their_sessions_and_with_a_blocked_account
                only_its_user_removes_a_device
                whether_alerts_reach_a_user_is_read_from_devices_and_position
                a_user_is_told_once_of_each_new_key
            }
            outbox {
                an_alert_is_sent_in_steps_until_a_device_received_it
                what_is_due_is_claimed_by_one_node_until_the_claim_ends
                a_failed_push_is_tried_again_and_a_device_that_is_gone_is_removed
                a_helper_without_a_sign_is_asked_by_push_on_every_device
                a_helper_who_need_not_come_is_told_by_push_on_every_device
                a_repeated_alert_leaves_out_devices_that_received_it_and_a_renewed_one_does_not
                the_end_is_sent_to_the_devices_that_were_sent_the_alert
                chat_is_pushed_once_in_five_seconds_and_old_messages_are_deleted
                an_alert_is_not_sent_to_a_helper_who_has_paused_since
                an_alert_is_not_sent_to_a_helper_who_was_blocked_or_rejected_since
                nothing_is_sent_to_a_helper_whose_own_call_is_silent
                the_end_waits_for_the_answer_to_an_alert_and_is_told_to_every_device_of_the_owner
                an_alert_goes_on_by_email_and_telephone_once_to_helpers_who_want_that
                another_acceptance_stops_the_email_that_was_not_sent
                a_helper_who_has_stalled_stops_no_email
                a_device_that_is_registered_later_is_sent_the_open_alerts
                the_limit_of_a_day_is_judged_again_when_a_step_is_due
                an_address_that_stopped_alerts_is_sent_none_whichever_account_has_it
                a_push_that_waited_while_the_alert_was_repeated_is_sent_once
                an_outcome_does_not_end_the_claim_of_another_node
                batches_of_outcomes_for_the_same_devices_do_not_wait_for_each_other
            }
            receipts {
                a_helper_who_answers_has_seen_the_alert_and_received_it
                a_device_that_confirms_a_renewed_alert_is_not_pushed_again
                a_late_receipt_of_the_alert_before_does_not_end_a_renewed_one
                a_renewed_alert_that_was_seen_again_goes_on_nowhere
                a_receipt_counts_after_the_end_and_not_after_a_day
            }
            dispatch {
                a_census_holds_the_first_to_arrive_and_what_is_known_of_them
                a_census_is_the_same_as_one_that_weighs_everybody
                a_census_knows_the_newest_alert_of_another_emergency
                where_nobody_answers_alerts_grow_until_everybody_is_asked
                a_decline_is_followed_by_another_alert_while_too_few_are_asked
                one_who_responds_elsewhere_is_replaced_and_not_more_often_than_every_second
                a_helper_far_away_who_accepts_does_not_end_the_search_and_one_who_is_there_does
                a_decision_that_is_due_on_two_nodes_is_taken_once
                a_renewed_decision_rings_those_again_who_never_answered
                a_helper_who_accepts_and_does_not_come_is_replaced_once_by_any_number_of_nodes
                who_accepted_at_a_node_of_the_release_before_is_asked_and_replaced
                a_sign_that_is_committed_before_the_deadline_wins
                the_log_says_why_each_helper_was_chosen
                the_owner_learns_at_most_once_a_minute_that_nobody_answers
                what_waits_for_a_helper_is_what_they_were_alerted_to
                a_helper_who_counts_no_more_leads_to_a_decision_at_once
                a_change_of_the_emergency_leads_to_a_decision_at_once
                what_helpers_do_with_alerts_is_counted_until_an_end_is_undone
            }
            emergencies {
                an_unknown_emergency_is_not_found
                an_earlier_call_is_the_live_one_else_the_one_with_the_request_id
                live_emergencies_are_ordered_by_owned_engaged_completed_then_newest
                pending_are_those_whose_alert_radius_reaches_the_helper
                pending_includes_alerts_from_beyond_the_radius
                pending_leaves_out_own_answered_and_ended_ones
                pending_comes_nearest_first_up_to_the_limit
                a_deleted_emergency_takes_all_that_belongs_to_it
            }
            deletions {
                nothing_of_a_deleted_account_is_left_but_what_others_have_a_part_in
                at_most_limit_deleted_accounts_are_erased_at_a_time
                a_deleted_account_is_a_former_user_to_others
                blocks_and_reports_wait_for_a_new_account_of_the_email
                an_account_that_is_gone_is_neither_found_nor_logged_in
                an_account_is_not_deleted_while_it_takes_part_in_a_live_emergency
                one_administrator_is_left
                an_administrator_is_named_by_no_event_of_an_emergency
                of_a_deletion_and_an_emergency_raised_at_once_the_later_knows_of_the_earlier
                of_a_deletion_and_an_acceptance_at_once_the_later_knows_of_the_earlier
                an_alert_that_was_held_for_a_deleted_account_stops_nothing
                nothing_is_counted_of_a_former_user_when_an_emergency_ends
                what_was_decided_before_a_deletion_is_stale
            }
            exports {
                an_export_has_the_records_of_a_user_and_of_nobody_else
                an_export_does_not_tell_who_owns_an_anonymous_emergency
                an_export_has_the_newest_records_first_and_no_more_than_asked_for
                an_export_has_the_alerts_and_the_reports_on_resources_of_a_user_and_of_nobody_else
                an_export_has_a_row_of_every_table_that_is_classified_so
            }
            helpers {
                the_raise_context_counts_within_each_radius_and_finds_the_nearest_within_the_largest
                the_raise_context_looks_no_further_than_it_has_to
                the_raise_context_counts_beyond_the_limit
                equally_near_helpers_come_in_the_order_of_their_ids
                the_searcher_is_left_out
                messages_come_with_the_access_of_the_reader
                a_search_around_an_emergency_finds_where_its_helpers_are
                an_owner_is_available_in_their_own_anonymous_emergency_only
                the_distance_of_the_owner_is_read_if_they_are_a_helper_on_duty
                an_approximate_emergency_is_searched_around_its_cell
                the_limit_of_the_nearest_excludes_helpers_already_alerted
                one_helper_is_found_near_an_emergency_if_on_duty_within_the_distance
                only_helpers_on_duty_by_the_policy_are_found
                a_position_is_found_only_while_its_helper_is_on_duty
                a_position_counts_from_the_moment_asked_for
                helpers_on_duty_are_counted_with_and_without_a_fresh_position
            }
            lists {
                history_has_the_emergencies_of_a_participant_newest_first
                history_is_filtered_by_status
                a_page_of_history_takes_all_that_share_the_time_of_its_last
                administrators_list_live_emergencies_or_those_with_one_status
                the_administrators_list_is_paged_without_loss_among_equal_times
                administrators_see_how_many_emergencies_an_owner_raised_just_before
                the_administrators_list_is_searched_by_place
            }
            log {
                every_committed_event_is_handed_out_once_and_in_order_under_twelve_writers
                a_change_committed_elsewhere_reaches_the_tail_of_another_node
                a_tail_begins_at_the_end
                a_cancelled_wait_loses_no_event
                events_are_read_back_as_they_were_appended
                a_timeline_is_in_order_and_of_its_emergency_only
                events_of_one_emergency_are_numbered_in_the_order_of_its_revisions
                the_log_of_a_change_that_failed_stays_as_it_was
                a_range_is_the_newest_of_what_lies_between
                old_events_are_removed_oldest_first_and_the_position_is_recorded
                the_events_of_an_emergency_stay_until_long_after_its_end
                removed_events_do_not_stop_a_tail
            }
            logins {
                a_login_is_decided_on_the_account_and_its_password
                failed_logins_are_counted_by_address_and_in_total_also_of_unknown_accounts
                an_address_is_known_for_thirty_days_after_a_login
                a_login_forgets_the_failures_of_its_address_only
                the_oldest_of_too_many_known_addresses_are_forgotten
                failures_that_do_not_count_any_more_are_deleted
            }
            messages {
                a_message_is_read_back_as_it_was_posted
                a_page_holds_the_newest_messages_oldest_first
                a_page_of_messages_takes_all_that_share_the_time_of_its_earliest
                a_page_before_a_deleted_message_continues_where_it_was
                posting_is_decided_on_the_emergency_its_newest_message_and_the_number
                a_message_is_posted_only_if_none_is_newer_than_expected
                direct_messages_of_others_are_never_listed
                a_message_is_found_in_its_own_emergency_only
                a_deleted_message_is_gone_from_the_log_too
            }
            moves {
                a_place_follows_the_session_that_raises_an_emergency_there
                a_place_that_moves_is_read_back_with_the_one_that_was_given
                a_place_is_searched_and_listed_where_it_is_now
                roles_are_given_anew_in_the_commit_of_a_move
                of_several_nodes_that_see_an_owner_move_one_moves_the_place
                a_move_that_was_decided_on_another_revision_is_not_stored
                a_decision_by_gain_that_follows_a_move_is_taken_around_the_new_place
            }
            nearby {
                the_edge_of_a_radius_is_exact_for_helpers
                a_helper_is_found_at_the_latest_position_only
                the_edge_of_a_radius_is_exact_for_emergencies
                the_edge_of_an_alert_radius_is_exact_for_pending
                a_helper_exactly_at_the_radius_is_within_it
                the_antimeridian_and_the_poles_are_no_borders
                searches_agree_with_measuring_every_helper
                live_emergencies_come_nearest_first_up_to_the_limit
                the_edge_of_a_radius_is_that_of_the_shown_place
                a_limit_does_not_tell_which_of_two_in_one_cell_is_nearer
                an_alerted_helper_is_shown_a_smaller_cell_until_declining_or_cancelling
            }
            password_resets {
                a_token_is_issued_to_an_account_and_found_by_its_hash_while_it_is_valid
                tokens_are_issued_once_a_minute_and_five_times_a_day
                a_newer_token_replaces_an_older_one
                of_many_requests_at_once_one_has_a_token
                a_token_is_used_once
                of_many_uses_at_once_exactly_one_succeeds
                a_new_password_makes_tokens_invalid
                a_blocked_account_resets_no_password
                nothing_is_sent_to_the_owner_of_a_silent_emergency
            }
            positions {
                the_last_position_is_kept
                an_older_fix_does_not_replace_a_newer_one
                a_fix_from_the_future_does_not_keep_later_ones_out
                reports_of_one_session_are_ordered_by_the_clock_of_its_device
                positions_of_unknown_users_are_skipped
                of_many_fixes_at_once_the_newest_stays
            }
            racing {
                each_wave_is_sent_by_exactly_one_node
                waves_hold_while_helpers_answer_at_the_same_time
                of_many_who_decline_at_once_each_is_replaced_by_another
                of_fifty_helpers_who_accept_at_once_none_is_refused
                an_owner_who_cancels_while_fifty_helpers_accept_is_not_refused
                with_a_third_of_acknowledgements_lost_every_alert_is_acknowledged_or_sent_again
            }
            raising {
                an_emergency_is_read_back_as_it_was_raised
                an_owner_has_one_live_emergency
                of_many_calls_of_one_owner_at_once_exactly_one_is_stored
                of_many_calls_with_one_request_id_at_once_exactly_one_is_stored
                a_request_id_is_used_once_by_each_owner
                an_owner_may_raise_again_after_the_end
            }
            resources {
                a_resource_is_read_back_changed_and_removed
                an_import_repeated_adds_nothing_and_leaves_alone_what_was_entered
                enough_helpers_together_make_a_resource_missing_and_one_who_was_there_alone
                only_a_check_later_than_the_newest_report_ends_it
                reports_at_the_same_time_count_each_other
                the_nearest_resources_within_the_radius_are_found_everywhere_on_earth
            }
            responding {
                responses_are_listed_in_the_order_of_first_acceptance
                only_the_responses_handed_over_are_written
                each_update_grows_the_revision_by_one
                a_stale_revision_is_refused_and_changes_nothing
                an_expected_revision_must_still_hold_and_does_not_grow
                of_many_updates_decided_on_one_revision_exactly_one_is_stored
                a_helper_is_engaged_in_one_emergency_at_a_time
                of_two_accepts_of_one_helper_at_once_exactly_one_is_stored
                a_helper_who_completed_or_cancelled_may_respond_elsewhere
                an_end_releases_all_responding_helpers
                a_resolve_racing_an_accept_never_brings_an_emergency_back_to_life
                how_an_emergency_ended_is_read_back
            }
            retention {
                of_a_thinned_emergency_the_cell_of_its_place_times_and_numbers_are_left
                a_report_extends_the_retention_of_an_emergency_once
                what_is_live_or_was_thinned_is_not_thinned
                many_messages_are_removed_in_steps
                old_sessions_are_neither_listed_nor_kept_unless_a_device_belongs_to_them
                what_counts_for_no_limit_any_more_is_removed
                entries_of_access_logs_are_removed_by_their_age
                what_is_kept_about_deleted_accounts_ends
                every_table_is_classified
            }
            roles {
                of_helpers_who_accept_at_once_on_two_nodes_each_has_one_role
                a_role_passes_to_the_next_in_the_commit_that_ends_it
                a_role_passes_to_the_next_in_the_commit_of_a_stall
                a_role_is_hidden_behind_a_block_and_from_who_has_finished
                a_role_moves_in_the_commit_of_an_arrival
                roles_follow_the_type_in_the_commit_that_changes_it
                a_box_that_is_not_there_is_reported_and_another_is_brought
                an_acceptance_is_decided_on_where_the_helper_is
            }
            sessions {
                a_session_returns_its_account
                a_session_belongs_to_its_own_user_only
                a_revoked_session_is_refused_at_once_on_every_node
                a_revoked_or_blocked_caller_is_refused_at_once_here_and_within_a_second_on_another_node
                a_caller_has_new_rights_at_once_here_and_within_a_second_on_another_node
                sessions_are_revoked_one_or_all_but_one_or_all
                a_refresh_token_is_confirmed_by_use
                a_token_presented_again_in_time_has_the_same_successor_whatever_became_of_it
                a_token_presented_again_later_has_a_new_successor_while_none_was_used
                a_revoked_or_blocked_session_is_told_so_before_a_repetition
                a_replaced_refresh_token_is_reused
                of_siblings_presented_at_once_exactly_one_wins
                one_token_presented_many_times_at_once_has_one_successor
                a_revoked_or_unknown_session_confirms_nothing
                sessions_are_listed_with_their_last_use
            }
            taking_part {
                blocking_or_rejecting_a_helper_ends_their_responses
                of_a_block_and_an_accept_at_once_no_response_is_left
                of_a_block_and_a_status_at_once_no_response_is_left
                an_account_is_expected_to_be_allowed_to_help
                a_completed_response_counts_as_help_for_a_while
                more_help_is_searched_while_a_helper_is_on_the_way
                of_a_renewal_and_an_accept_at_once_both_are_stored
                an_end_by_a_helper_is_undone
                a_completed_response_of_a_helper_who_may_not_help_any_more_is_cancelled_when_it_is_live_again
                an_owner_with_another_emergency_reopens_none
                helpers_with_a_block_do_not_come_back
                of_many_who_reopen_at_once_exactly_one_does
                records_of_deleted_emergencies_are_paged_newest_first
            }
            reputation {
                trust_rises_up_to_the_maximum
                trust_given_at_once_adds_up
                a_rating_moves_the_average_and_is_given_once
                ratings_given_at_once_add_up
                trust_is_given_once_per_pair_in_a_while
                trust_of_an_end_that_is_undone_is_taken_back
                one_rating_of_a_pair_counts_in_a_while
                of_two_ratings_of_a_pair_at_once_one_counts
                a_party_is_reported_once_by_each
                reports_about_helpers_are_counted_in_their_list
            }
            waves {
                without_a_response_wave_follows_wave_and_then_unheard_alerts_are_repeated
                an_acknowledged_alert_is_not_sent_again
                once_unanswered_acknowledged_alerts_are_repeated_every_ten_minutes
                no_more_than_the_wave_size_are_new_at_once
                a_decline_alerts_the_nearest_helper_not_alerted_yet
                helpers_whom_a_responder_blocks_are_alerted_once_that_one_cancels
                no_wave_is_sent_during_a_response_and_one_at_once_after_the_last_cancellation
                timers_survive_a_restart_between_waves
                after_a_long_stop_one_wave_goes_out_and_not_all_at_once
                expired_emergencies_are_resolved_without_an_actor_despite_responses
                a_helper_who_comes_into_the_radius_is_alerted_once
                coming_near_an_emergency_with_a_response_alerts_no_helper
                silence_frees_a_place_and_acknowledging_or_receiving_keeps_it
                engaged_helpers_and_owners_of_live_emergencies_are_not_alerted
                unproven_helpers_come_after_all_others_until_they_acknowledge
                of_a_storm_only_so_many_ring_a_helper_and_the_last_is_made_up
                cancelling_renews_twice_at_once_and_then_after_a_pause
                going_online_or_on_duty_uses_the_last_position
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests_of {
    ($database:ty; $($port:ident { $($case:ident)+ })+) => {$(
        mod $port {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::contract::run::<$database, _>($crate::contract::$port::$case).await;
                }
            )+
        }
    )+};
}
