//! What the standards print, byte for byte, each with its source.

use coset::cwt::{ClaimsSet, Timestamp};
use coset::{CborSerializable, CoseSign, CoseSign1, TaggedCborSerializable};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use model::signed::text::{Recognised, recognise, write_cf1};
use model::signed::token::{Algorithm, PublicKey, SigningKey, Unverified, issue, verify};
use model::signed::trust::{NotTaken, Trust};

use crate::frames::{NOW, block, claims, hex, list, listed, seal, unhex};

/// RFC 9285, 4.3 and 4.4: plain, coded.
const BASE45: [(&str, &str); 4] =
    [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581"), ("ietf!", "QED8WEX0")];

/// RFC 8032, 7.1, tests 1 to 3: secret key, public key, message, signature.
const ED25519: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
         d25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
         387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
         4a7c15e9716ed28dc027beceea1ec40a",
    ],
];

/// cose-wg/Examples, eddsa-examples/eddsa-sig-01.json ("EdDSA-01: EdDSA - 25519 - sign0"), output.cbor. The key is
/// that of RFC 8032, test 1.
const SIGN1: &str = "D28445A201270300A10442313154546869732069732074686520636F6E74656E742E58407142FD2FF96D56DB85BE\
                     E905A76BA1D0B7321A95C8C4D3607C5781932B7AFB8711497DFA751BF40B58B3BCC32300B1487F3DB34085EEF013\
                     BF08F4A44D6FEF0D";
/// The same, intermediates.ToBeSign_hex.
const SIGN1_TO_BE_SIGNED: &str =
    "846A5369676E61747572653145A2012703004054546869732069732074686520636F6E74656E742E";

/// cose-wg/Examples, eddsa-examples/eddsa-01.json ("EdDSA-01: EdDSA - 25519"), output.cbor. The key is the same.
const SIGN: &str = "D8628443A10300A054546869732069732074686520636F6E74656E742E818343A10127A104423131584077F3EACD11852C\
                    4BF9CB1D72FABE6B26FBA1D76092B2B5B7EC83B83557652264E69690DBC1172DDC0BF88411C0D25A507FDB247A20C40D\
                    5E245FABD3FC9EC106";
/// The same, intermediates.signers[0].ToBeSign_hex.
const SIGN_TO_BE_SIGNED: &str =
    "85695369676E617475726543A1030043A101274054546869732069732074686520636F6E74656E742E";

/// RFC 8392, A.1: a claims set.
const CLAIMS: &str = "a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e65\
                      78616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b71";
/// RFC 8392, A.3: the same, signed with ES256.
const SIGNED_CWT: &str = "d28443a10126a104524173796d6d657472696345434453413235365850a70175636f61703a2f2f61732e6578616d\
                          706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612ae\
                          b0051a5610d9f0061a5610d9f007420b7158405427c1ff28d23fbad1f29c4c7c6a555e601d6fa29f9179bc3d7438\
                          bacaca5acd08c8d4d4f96131680c429a01f85951ecee743a52b9b63632c57209120e1c9e30";

#[test]
fn base45_is_that_of_rfc_9285() {
    for (plain, coded) in BASE45 {
        let text = format!("CF1:{coded}.");
        assert_eq!(write_cf1(plain.as_bytes()), text, "{plain} is written as printed");
        assert_eq!(recognise(&text), Recognised::Token(plain.as_bytes().to_vec()), "and read back");
    }
    let largest = Recognised::Token(vec![0xFF, 0xFF]);
    assert_eq!(recognise("CF1:FGW."), largest, "section 6: 65,535 is the largest group");
    assert_eq!(recognise("CF1:GGW."), Recognised::Damaged, "section 6: 65,536 must be refused");
    assert_eq!(recognise("CF1::::."), Recognised::Damaged, "section 6: so must :::, 91,124");
}

#[test]
fn keys_and_signatures_are_those_of_rfc_8032() {
    for [secret, public, message, signature] in ED25519 {
        let ours = SigningKey::from_seed(block(secret));
        assert_eq!(hex(&ours.public().to_bytes()), public, "the public key");
        let theirs = ed25519_dalek::SigningKey::from_bytes(&block(secret));
        assert_eq!(hex(&theirs.sign(&unhex(message)).to_bytes()), signature, "the signature");
        let mut list = list();
        list.keys = vec![listed(ours.public())];
        let token = issue(&claims(), &ours).unwrap();
        assert!(verify(&token, &list, NOW).is_ok(), "and a code under that key is believed");
    }
}

#[test]
fn the_signed_bytes_are_laid_out_as_the_cose_working_group_lays_them_out() {
    let [secret, public, ..] = ED25519[0];
    let key = VerifyingKey::from_bytes(&block(public)).unwrap();
    let example = CoseSign1::from_tagged_slice(&unhex(SIGN1)).unwrap();
    assert_eq!(example.tbs_data(b""), unhex(SIGN1_TO_BE_SIGNED), "another library agrees with the example");
    let signature = Signature::from_slice(&example.signature).unwrap();
    assert!(key.verify_strict(&unhex(SIGN1_TO_BE_SIGNED), &signature).is_ok(), "which is signed so");
    // The example's layout with our header and our claims in it: array of 4, "Signature1", header, nothing, content.
    let token = issue(&claims(), &SigningKey::from_seed(block(secret))).unwrap();
    let ours = CoseSign1::from_tagged_slice(&token).unwrap();
    let (header, content) = (ours.protected.original_data.unwrap(), ours.payload.unwrap());
    let start = &unhex(SIGN1_TO_BE_SIGNED)[..12];
    let lengths = [[0x40 + header.len() as u8].to_vec(), vec![0x40, 0x58, content.len() as u8]];
    let to_be_signed = [start, &lengths[0], &header, &lengths[1], &content].concat();
    let signature = Signature::from_slice(&ours.signature).unwrap();
    assert!(key.verify_strict(&to_be_signed, &signature).is_ok(), "and so is a code of ours");
}

#[test]
fn the_working_groups_examples_are_genuine_and_yet_no_codes_and_no_roots() {
    let [_, public, ..] = ED25519[0];
    let key = VerifyingKey::from_bytes(&block(public)).unwrap();
    let example = CoseSign::from_tagged_slice(&unhex(SIGN)).unwrap();
    assert_eq!(
        example.tbs_data(b"", &example.signatures[0]),
        unhex(SIGN_TO_BE_SIGNED),
        "with several signers too"
    );
    let signature = Signature::from_slice(&example.signatures[0].signature).unwrap();
    assert!(key.verify_strict(&unhex(SIGN_TO_BE_SIGNED), &signature).is_ok(), "it is signed so");
    let mut list = list();
    list.keys = vec![listed(PublicKey::from_bytes(&block(public)).unwrap())];
    for bytes in [SIGN1, SIGN] {
        let verified = verify(&unhex(bytes), &list, NOW);
        assert_eq!(verified, Err(Unverified::Malformed), "its header is none of ours");
        assert_eq!(Trust::pin(&unhex(bytes)).err(), Some(NotTaken::Malformed), "nor a root's");
    }
}

#[test]
fn the_claims_of_rfc_8392_are_at_the_labels_that_we_use() {
    let published = ClaimsSet::from_slice(&unhex(CLAIMS)).unwrap();
    assert_eq!(published.issuer.as_deref(), Some("coap://as.example.com"), "A.1, iss");
    assert_eq!(published.expiration_time, Some(Timestamp::WholeSeconds(1_444_064_944)), "A.1, exp");
    let token = issue(&claims(), &SigningKey::from_seed([1; 32])).unwrap();
    let payload = CoseSign1::from_tagged_slice(&token).unwrap().payload.unwrap();
    let ours = ClaimsSet::from_slice(&payload).unwrap();
    assert_eq!(ours.issuer, claims().issuer, "ours has its issuer there");
    let time = |at: model::time::UnixMs| Some(Timestamp::WholeSeconds(at.0 / 1000));
    assert_eq!(ours.expiration_time, time(claims().expires_at), "and its expiry");
    assert_eq!(ours.issued_at, time(claims().issued_at), "and when it was issued");
    let foreign = seal(&unhex(CLAIMS), Algorithm::Ed25519, [1; 32]);
    let verified = verify(&foreign, &list(), NOW);
    assert_eq!(verified, Err(Unverified::NotUnderstood), "genuinely signed, A.1 is still no code of ours");
}

#[test]
fn a_token_under_another_algorithm_is_refused_before_any_key_is_tried() {
    let published = unhex(SIGNED_CWT);
    assert_eq!(
        CoseSign1::from_tagged_slice(&published).unwrap().payload,
        Some(unhex(CLAIMS)),
        "A.3 signs the claims of A.1"
    );
    assert_eq!(verify(&published, &list(), NOW), Err(Unverified::Malformed), "with ES256, which is not ours");
    // The same with a header like ours: only the algorithm differs (-7, ES256, in one byte; ours, -19, also has one).
    let genuine = issue(&claims(), &SigningKey::from_seed([1; 32])).unwrap();
    let at = genuine.windows(3).position(|window| window == [0xA2, 0x01, 0x32]).unwrap();
    for (label, name) in [(0x26, "ES256"), (0x05, "HMAC 256/256"), (0x32 + 1, "-20"), (0xF6, "none")] {
        let mut relabelled = genuine.clone();
        relabelled[at + 2] = label;
        assert_eq!(verify(&relabelled, &list(), NOW), Err(Unverified::Malformed), "{name}");
    }
}
