//! The printed vectors of RFC 9421 and RFC 9530, and what must not pass.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// RFC 9421, B.1.4: the last 32 bytes of the private and of the public key in their PEM.
const SEED: &str = "n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=";
const PUBLIC: &str = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
/// RFC 9421, B.2.6, with the line breaks of the page taken out.
const INPUT: &str = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
                     ;created=1618884473;keyid=\"test-key-ed25519\"";
const SIGNATURE: &str =
    "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
const BASE: &str = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
    \"@method\": POST\n\
    \"@path\": /foo\n\
    \"@authority\": example.com\n\
    \"content-type\": application/json\n\
    \"content-length\": 18\n\
    \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
    ;created=1618884473;keyid=\"test-key-ed25519\"";

const NOW: i64 = 1_780_000_000;

fn block(text: &str) -> [u8; 32] {
    STANDARD.decode(text).unwrap().try_into().unwrap()
}

fn published(component: &Component) -> Option<String> {
    let value = match component.name.as_str() {
        "date" => "Tue, 20 Apr 2021 02:07:55 GMT",
        "@method" => "POST",
        "@path" => "/foo",
        "@authority" => "example.com",
        "content-type" => "application/json",
        "content-length" => "18",
        _ => return None,
    };
    Some(value.to_owned())
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn asked() -> Asked {
    Asked {
        method: "PUT".into(),
        path: "/v1/redemptions/0197".into(),
        query: "after=3&wait=25".into(),
        digest: Digest::of(b"{}"),
        epoch: 1,
    }
}

fn moment() -> Moment {
    Moment { created: NOW, nonce: [0xAB; 16] }
}

#[test]
fn the_ed25519_vector_of_rfc_9421_comes_out_as_printed() {
    let key = SigningKey::from_seed(block(SEED));
    assert_eq!(key.public().to_bytes(), block(PUBLIC), "B.1.4: the public key");
    let input = Input::parse(INPUT).expect("the printed field is read");
    assert_eq!(input.params.created, Some(1_618_884_473), "with its moment");
    let base = input.base(published).expect("every component has a value");
    assert_eq!(base, BASE, "B.2.6: the signature base");
    let signed = field::write_signature(&input.label, &key.sign(base.as_bytes()));
    assert_eq!(signed, SIGNATURE, "B.2.6: the signature");
    let (_, signature) = field::parse_signature(SIGNATURE).expect("the printed field is read");
    assert!(key.public().signed(BASE.as_bytes(), &signature), "which verifies");
}

#[test]
fn digests_are_those_of_rfc_9530() {
    let printed = [
        (&b"{\"hello\": \"world\"}\n"[..], "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="),
        (b"{\"hello\": \"world\"}", "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="),
        (b"", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ];
    for (content, text) in printed {
        let field = format!("sha-256=:{text}:");
        assert_eq!(Digest::of(content).to_field(), field, "as printed");
        assert_eq!(Digest::parse(&field), Ok(Digest::of(content)), "and read again");
    }
}

#[test]
fn the_request_is_signed_in_these_words() {
    let fields = asked().sign(&key(), moment());
    let id = KeyId::of(key().public());
    let list = "(\"@method\" \"@path\" \"@query\" \"content-digest\" \"counterfoil-epoch\")";
    let nonce = "ab".repeat(16);
    let expected = format!(
        "sig={list};created={NOW};expires={};nonce=\"{nonce}\";alg=\"ed25519\";keyid=\"{id}\";tag=\"counterfoil\"",
        NOW + 300
    );
    assert_eq!(fields.input, expected, "another implementation finds here what it must write");
    let claim = Claim::parse(&fields).expect("what was written is read");
    assert_eq!((claim.key, claim.created, claim.nonce), (id, NOW, [0xAB; 16]), "with its parts");
    assert!(claim.is_of(key().public(), &asked()), "and verifies");
    assert!(!claim.is_of(SigningKey::from_seed([8; 32]).public(), &asked()), "under its own key only");
}

#[test]
fn a_signature_is_of_one_request_only() {
    let claim = Claim::parse(&asked().sign(&key(), moment())).unwrap();
    let others = [
        Asked { method: "POST".into(), ..asked() },
        Asked { path: "/v1/redemptions/0198".into(), ..asked() },
        Asked { query: "after=4&wait=25".into(), ..asked() },
        Asked { query: String::new(), ..asked() },
        Asked { digest: Digest::of(b"{ }"), ..asked() },
        Asked { epoch: 2, ..asked() },
    ];
    for other in others {
        assert!(!claim.is_of(key().public(), &other), "not of {other:?}");
    }
}

#[test]
fn a_path_with_a_line_break_signs_nothing() {
    let forged = Asked { path: "/a\n\"@query\": ?b".into(), ..asked() };
    let claim = Claim::parse(&forged.sign(&key(), moment())).unwrap();
    assert!(!claim.is_of(key().public(), &forged), "no line of the base can be smuggled in");
}

#[test]
fn a_request_is_good_for_five_minutes_around_the_servers_time() {
    let claim = Claim::parse(&asked().sign(&key(), moment())).unwrap();
    for (now, timely) in
        [(NOW, true), (NOW + 300, true), (NOW - 300, true), (NOW + 301, false), (NOW - 301, false)]
    {
        assert_eq!(claim.is_timely(now), timely, "{} s after it was signed", now - NOW);
    }
}

#[test]
fn an_answer_belongs_to_one_request_and_says_one_thing() {
    let (server, asked) = (SigningKey::from_seed([9; 32]), asked());
    let to_fields = asked.sign(&key(), moment());
    let answered = Answered { status: 200, digest: Digest::of(b"yes"), to: &asked, to_fields: &to_fields };
    let fields = answered.sign(&server, NOW + 1);
    assert_eq!(answered.verify(&fields, server.public()), Some(NOW + 1), "it tells the server's time");
    assert_eq!(answered.verify(&fields, key().public()), None, "nobody else can sign for the server");
    assert_eq!(
        answered.verify(&to_fields, key().public()),
        None,
        "a request's signature is none of an answer"
    );

    let again = asked.sign(&key(), Moment { nonce: [0xAC; 16], ..moment() });
    let elsewhere = Asked { path: "/v1/setup".into(), ..asked.clone() };
    for (what, other) in [
        ("another status", Answered { status: 403, ..answered.clone() }),
        ("another content", Answered { digest: Digest::of(b"no"), ..answered.clone() }),
        ("the same question, asked anew", Answered { to_fields: &again, ..answered.clone() }),
        ("another question under the same signature", Answered { to: &elsewhere, ..answered.clone() }),
    ] {
        assert_eq!(other.verify(&fields, server.public()), None, "no answer for {what}");
    }
}

#[test]
fn an_answer_that_covers_less_is_none() {
    let (server, asked) = (SigningKey::from_seed([9; 32]), asked());
    let to_fields = asked.sign(&key(), moment());
    let answered = Answered { status: 200, digest: Digest::of(b"yes"), to: &asked, to_fields: &to_fields };
    for left_out in 0..of_answer().len() {
        let mut components = of_answer();
        components.remove(left_out);
        let params = Params { created: Some(NOW), ..by(server.public(), ANSWER_TAG) };
        let input = Input { label: LABEL.into(), components, params };
        let fields = sign(&input, &server, |component| answered.value(component));
        assert_eq!(answered.verify(&fields, server.public()), None, "component {left_out} must be covered");
    }
}

#[test]
fn what_a_general_parser_would_take_is_refused() {
    let good = asked().sign(&key(), moment());
    assert!(Claim::parse(&good).is_ok(), "the good one is read");
    let changed = [
        good.input.replace("\" \"", "\"  \""),
        good.input.replace(";created", "; created"),
        good.input.replace("\"@method\" ", ""),
        good.input.replace("\"@method\"", "\"@method\";req"),
        good.input.replace("\"@method\"", "\"@method\" \"@method\""),
        good.input.replace("alg=\"ed25519\"", "alg=\"hmac-sha256\""),
        good.input.replace(";alg=\"ed25519\"", ""),
        good.input.replace("tag=\"counterfoil\"", "tag=\"counterfoil-answer\""),
        good.input.replace("created=1", "created=01"),
        good.input.replace("created=1", "created=-1"),
        good.input.replace("expires=1", "expires=2"),
        good.input.replace("abab", "ABAB"),
        good.input.replace("sig=", "other="),
        format!("{}, other=()", good.input),
        format!("{};created={NOW}", good.input),
        format!("{};unknown=1", good.input),
        format!(" {}", good.input),
        good.input.replace("@path", &"p".repeat(INPUT_BYTES_MAX)),
        String::new(),
    ];
    for input in changed {
        let fields = Fields { input, ..good.clone() };
        assert_eq!(Claim::parse(&fields), Err(Malformed), "{} is not ours", fields.input);
    }
    for signature in [
        good.signature.replace("sig=", "other="),
        good.signature.replace("=:", "="),
        good.signature.replace("==:", ":"),
        format!("{}, other=:AAAA:", good.signature),
        "sig=::".into(),
        String::new(),
    ] {
        let fields = Fields { signature, ..good.clone() };
        assert_eq!(Claim::parse(&fields), Err(Malformed), "{} is not ours", fields.signature);
    }
    for digest in ["sha-512=:AAAA:", "sha-256=:AAAA:", "sha-256=AAAA", ""] {
        assert_eq!(Digest::parse(digest), Err(Malformed), "{digest} is not ours");
    }
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_the_same(field in "sig=\\((\"[a-z@-]{1,12}\"(;req)?){0,3}\\)(;created=[0-9]{1,12})?(;tag=\"[a-z]{1,9}\")?") {
        if let Ok(input) = Input::parse(&field) {
            prop_assert_eq!(input.to_field(), field);
        }
    }

    #[test]
    fn any_request_verifies_as_itself_and_no_changed_byte_does(
        method in "[A-Z]{1,8}", path in "/[!-~]{0,40}", query in "[!-~]{0,40}", body: Vec<u8>, epoch: u64,
        created in 0i64..4_000_000_000, nonce: [u8; 16], place: prop::sample::Index, bit in 0u8..7,
    ) {
        let asked = Asked { method, path, query, digest: Digest::of(&body), epoch };
        let fields = asked.sign(&key(), Moment { created, nonce });
        let claim = Claim::parse(&fields).unwrap();
        prop_assert!(claim.is_of(key().public(), &asked));
        for in_signature in [false, true] {
            let mut changed = fields.clone();
            let text = if in_signature { &mut changed.signature } else { &mut changed.input };
            let mut bytes = std::mem::take(text).into_bytes();
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
            *text = String::from_utf8(bytes).unwrap();
            let passes = Claim::parse(&changed).is_ok_and(|claim| claim.is_of(key().public(), &asked));
            prop_assert!(!passes, "{:?} passes", changed);
        }
    }
}
