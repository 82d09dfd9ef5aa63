//! The contract that a database must keep: the same stories on SQLite and on PostgreSQL, each in a fresh database, told
//! to two stores on it, as two processes of a server would be. What one of them was answered, the other must know.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod feeds;
mod issuing;
mod journals;
mod keys;
mod opening;
mod programs;
mod redeeming;
mod schema;
mod sequence;
mod two;

/// Tells each story once on each engine.
macro_rules! on_both {
    ($($room:ident::$story:ident,)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                crate::$room::$story(crate::two::Two::on_sqlite().await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                crate::$room::$story(crate::two::Two::on_postgres().await).await;
            })*
        }
    };
}

on_both! {
    redeeming::one_coupon_counts_once_however_many_ask_for_it,
    redeeming::the_same_number_at_two_servers_has_one_answer,
    redeeming::an_order_is_picked_up_in_parts_and_never_beyond_its_quantity,
    redeeming::a_number_that_is_asked_for_while_it_is_redeemed_has_one_fate,
    redeeming::a_cancellation_and_a_redemption_have_an_order,
    journals::lines_that_are_handed_in_twice_at_once_are_held_once,
    journals::of_two_continuations_of_a_journal_one_is_held,
    journals::an_undo_and_the_next_redemption_have_an_order,
    journals::two_tills_that_accepted_one_coupon_make_one_case,
    journals::a_line_with_a_text_that_no_database_can_hold_blocks_nothing,
    journals::what_a_till_lost_before_it_was_let_in_again_is_a_case_until_it_comes,
    journals::a_till_that_was_set_back_behind_what_is_held_is_a_case,
    journals::a_long_outage_is_settled_in_one_piece_and_told_to_the_stores,
    feeds::a_reader_sees_every_number_and_none_comes_late,
    feeds::the_feeds_of_two_stores_never_wait_for_each_other_crosswise,
    feeds::a_database_that_was_set_back_and_has_overtaken_a_till_begins_anew_once,
    feeds::a_snapshot_is_what_the_feed_tells_and_a_till_gets_it_at_either_process,
    issuing::a_merchants_number_is_issued_once,
    issuing::a_code_enrols_one_till,
    issuing::two_stores_of_one_name_are_one,
    issuing::serials_are_dense_whoever_issues_them,
    issuing::a_merchants_program_has_one_key,
    keys::lists_follow_each_other_and_name_every_key,
    opening::programs_that_start_at_once_find_one_schema,
    opening::a_newer_schema_is_refused_in_words,
    schema::every_key_begins_with_the_tenant,
    schema::a_text_is_ordered_by_its_bytes,
}
