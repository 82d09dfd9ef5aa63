//! Which of a burst's readings is right.

use proptest::prelude::*;

use super::*;
use crate::code::{Code, CodeKind, RANDOM_BYTES};
use crate::profile::Profile;
use crate::reading::{Payment, read};
use crate::time::UnixMs;

const NOW: UnixMs = UnixMs(1_795_000_000_000);
const US: &str =
    "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\"ZXCVBNM<>?";
const GERMAN: &str =
    "^1234567890ß´qwertzuiopü+#asdfghjklöäyxcvbnm,.-°!\"§$%&/()=?`QWERTZUIOPÜ*'ASDFGHJKLÖÄYXCVBNM;:_";
const FRENCH: &str =
    "²&é\"'(-è_çà)=azertyuiop^$*qsdfghjklmùwxcvbn,;:!~1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%WXCVBN?./§";
const CZECH: &str =
    ";+ěščřžýáíé=´qwertzuiopú)¨asdfghjklů§yxcvbnm,.-°1234567890%ˇQWERTZUIOP/('ASDFGHJKLŮ!YXCVBNM?:_";
const HOSTS: [&str; 4] = [US, GERMAN, FRENCH, CZECH];

fn code(seed: u8) -> Code {
    let mut random = [0u8; RANDOM_BYTES];
    random
        .iter_mut()
        .zip(1u8..)
        .for_each(|(byte, n)| *byte = seed.wrapping_mul(37).wrapping_add(n.wrapping_mul(11)));
    Code::issue(CodeKind::Coupon, random)
}

/// What a key that types `c` in the layout `from` types in the layout `to`.
fn through(text: &str, from: &str, to: &str) -> String {
    let key = |c| from.chars().position(|typed| typed == c);
    text.chars().map(|c| key(c).and_then(|place| to.chars().nth(place)).unwrap_or(HOLE)).collect()
}

fn burst(physical: &str, logical: &str) -> Burst {
    Burst {
        physical: RawText::new(physical),
        logical: RawText::new(logical),
        caps_lock: false,
        pauses: vec![],
        cut: false,
    }
}

fn chosen(burst: &Burst, habit: Option<Layout>) -> (Vec<String>, Option<Layout>) {
    let Chosen { texts, layout } = choose(burst, habit, |text| read(text, &[], NOW), |_| false);
    (texts.into_iter().map(|text| text.0).collect(), layout)
}

fn texts(burst: &Burst) -> Vec<String> {
    chosen(burst, None).0
}

#[test]
fn the_keys_are_right_whatever_the_machine_makes_of_them() {
    for host in HOSTS {
        for text in [code(1).secret(), "134567890123456789", "http://weixin.qq.com/r/abc", "6901234567892"] {
            let burst = burst(text, &through(text, US, host));
            assert_eq!(texts(&burst), [text], "on {host}");
        }
    }
}

#[test]
fn a_scanner_that_is_set_to_the_machines_layout_is_read_as_the_machine_does() {
    for host in [GERMAN, FRENCH, CZECH] {
        for text in [code(2).secret(), "134567890123456789"] {
            let physical = through(text, host, US);
            if physical != text {
                let (texts, _) = chosen(&burst(&physical, text), None);
                assert_eq!(texts, [text], "{physical} on {host}");
            }
        }
    }
}

#[test]
fn what_has_decided_is_told() {
    let text = code(1).secret().to_owned();
    let (_, layout) = chosen(&burst(&text, &through(&text, US, FRENCH)), None);
    assert_eq!(layout, Some(Layout::Physical), "the check characters have");
    assert_eq!(chosen(&burst(&text, &text), None).1, None, "there was nothing to decide");
    assert_eq!(chosen(&burst("what", "whqt"), None).1, None, "nor does what nobody knows decide anything");
}

#[test]
fn caps_lock_is_undone_where_no_keys_are_known() {
    let link = "http://weixin.qq.com/r/abc";
    let burst = Burst {
        caps_lock: true,
        ..burst(&HOLE.to_string().repeat(link.len()), &link.chars().map(changed_over).collect::<String>())
    };
    assert_eq!(texts(&burst).len(), 1, "capitals or not, the address is one");
    let ours = code(3);
    let burst =
        Burst { caps_lock: true, ..self::burst(&HOLE.to_string().repeat(20), &ours.secret().to_lowercase()) };
    assert_eq!(read(&texts(&burst)[0], &[], NOW), Reading::Ours(ours), "a code of ours all the more");
}

#[test]
fn two_readings_that_are_both_a_whole_code_are_none_until_the_scanner_is_known() {
    // One code in a thousand is another one once Y and Z have changed places.
    let twins = (0..=u32::from(u16::MAX)).find_map(|seed| {
        let mut random = [0; RANDOM_BYTES];
        // Y and Z in the alphabet of our codes.
        random.iter_mut().enumerate().for_each(|(n, byte)| *byte = if seed >> n & 1 == 1 { 30 } else { 31 });
        let one = Code::issue(CodeKind::Coupon, random);
        let other = through(one.secret(), GERMAN, US);
        (other != one.secret() && Code::read(&other).is_ok()).then(|| (one.secret().to_owned(), other))
    });
    let (logical, physical) = twins.expect("one in a thousand");
    let burst = burst(&physical, &logical);
    assert_eq!(texts(&burst), Vec::<String>::new(), "either may be the customer's");
    assert_eq!(chosen(&burst, Some(Layout::Logical)).0, [logical], "a scanner that was read before is known");
    assert_eq!(chosen(&burst, Some(Layout::Physical)).0, [physical], "either way");
}

#[test]
fn a_lost_key_makes_a_scan_that_is_scanned_again() {
    let holed = |text: &str| text.replacen('2', &HOLE.to_string(), 1);
    assert_eq!(texts(&burst(&holed("4821390721"), &holed("4821390721"))), Vec::<String>::new(), "no code");
    let whole = code(4);
    let lost = holed(whole.secret());
    assert_eq!(texts(&burst(&lost, whole.secret())), [whole.secret()], "unless the other reading has it");
}

#[test]
fn what_came_twice_counts_once_and_what_ran_together_comes_apart() {
    let (one, other) = (code(5), code(6));
    let twice = [one.secret(), one.secret()].concat();
    assert_eq!(texts(&burst(&twice, &twice)), [one.secret()], "the scanner read it twice");
    let both = [one.secret(), other.secret()].concat();
    assert_eq!(texts(&burst(&both, &both)), [one.secret(), other.secret()], "two customers");
    let long = ["CF0:NEXT", other.secret()].concat();
    let paused = Burst { pauses: vec![8], ..burst(&long, &long) };
    assert_eq!(texts(&paused), ["CF0:NEXT", other.secret()], "at the pause");
    let typed = ["12", other.secret()].concat();
    let paused = Burst { pauses: vec![2], ..burst(&typed, &typed) };
    assert_eq!(texts(&paused), [other.secret()], "somebody had typed");
    let half = [&one.secret()[..12], other.secret()].concat();
    let paused = Burst { pauses: vec![12], ..burst(&half, &half) };
    assert_eq!(texts(&paused), [half], "half a code is not passed over: both are scanned again");
}

#[test]
fn of_what_may_be_part_of_a_text_only_the_proven_is_taken() {
    let profiles: [Profile; 0] = [];
    let fits = |text: &str| match text.len() {
        8 => Reading::Opaque(vec![]),
        _ => read(text, &profiles, NOW),
    };
    let chosen = |text: &str, cut| {
        let burst = Burst { cut, ..burst(text, text) };
        choose(&burst, None, fits, |_| false).texts.len()
    };
    assert_eq!((chosen("48213907", false), chosen("48213907", true)), (1, 0), "half a code of twelve digits");
    let whole = code(7);
    assert_eq!(chosen(whole.secret(), true), 1, "check characters leave no doubt");
}

#[test]
fn a_whole_text_with_a_pause_in_it_stays_whole() {
    let text = "134567890123456789";
    let paused = Burst { pauses: vec![8], ..burst(text, text) };
    let (texts, _) = chosen(&paused, None);
    assert_eq!(read(&texts[0], &[], NOW), Reading::Payment(Payment::Wechat), "the machine was busy");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Whatever the machine makes of the keys is not promised here: a layout that changes letters adds a second change to
    /// the damaged one, and of such one in a thousand fits the check characters. It stands for nothing that was issued.
    #[test]
    fn one_damaged_key_never_makes_another_code(
        random in any::<[u8; RANDOM_BYTES]>(),
        place in 0usize..20,
        wrong in "[0-9A-HJKMNP-TV-Z]",
        damage in 0u8..4,
    ) {
        let code = Code::issue(CodeKind::Coupon, random);
        let mut keys: Vec<char> = code.secret().chars().collect();
        match damage {
            0 => { keys.remove(place); }
            1 => keys.insert(place, keys[place]),
            2 => keys.swap(place, (place + 1) % 20),
            _ => keys[place] = wrong.chars().next().unwrap_or('0'),
        }
        let physical: String = keys.into_iter().collect();
        let burst = burst(&physical, &physical);
        for text in texts(&burst) {
            if let Reading::Ours(read) = read(&text, &[], NOW) {
                prop_assert_eq!(&read, &code, "{} is nobody else's", physical);
            }
        }
    }

    #[test]
    fn whatever_comes_it_is_one_text_or_two_or_none(
        physical in "[ -~\u{fffd}]{0,60}", logical in "[ -~\u{fffd}éß]{0,60}",
        caps_lock in any::<bool>(), pauses in prop::collection::vec(0usize..80, 0..4),
    ) {
        let burst = Burst { caps_lock, pauses, ..burst(&physical, &logical) };
        let texts = texts(&burst);
        prop_assert!(texts.len() <= 2);
        prop_assert!(texts.iter().all(|text| !text.contains(HOLE)), "a hole is in no text");
    }
}
