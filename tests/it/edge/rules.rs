//! Every call of ours says who may make it.

use std::collections::BTreeSet;

use prost_reflect::DescriptorPool;
use qinlian::access::{Rules, RulesError};
use qinlian::proto::access::{Record, Scope};
use qinlian::proto::{DESCRIPTORS, Role};

#[test]
fn every_call_has_a_rule_and_no_rule_is_without_a_call() {
    let rules = Rules::ours().unwrap();
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let calls: BTreeSet<String> = pool
        .services()
        .flat_map(|service| {
            let name = service.full_name().to_owned();
            service.methods().map(move |m| format!("/{name}/{}", m.name())).collect::<Vec<_>>()
        })
        .collect();
    assert!(calls.len() > 50, "{}", calls.len());
    let known: BTreeSet<String> =
        rules.iter().map(|r| r.method.clone()).filter(|m| m.starts_with("/qinlian.")).collect();
    assert_eq!(calls, known);
    for rule in rules.iter() {
        assert_eq!(rule.public, rule.roles.is_empty(), "{}", rule.method);
        assert!(rule.public || rule.scope != Scope::Unspecified, "{}", rule.method);
    }
}

#[test]
fn the_rules_are_those_of_the_proto_files() {
    use Role::{
        Administrator, AttendanceOfficer, AuditAdministrator, Discipline, DutyManager, Hr, Lead, Terminal,
    };
    let rules = Rules::ours().unwrap();
    for (method, roles, scope, record) in [
        ("AttendanceService/RecordPunch", vec![Terminal], Scope::Device, Record::Never),
        ("AttendanceService/UploadPunches", vec![Terminal], Scope::Device, Record::Never),
        (
            "AttendanceService/ReportDeviceOutage",
            vec![AttendanceOfficer, DutyManager, Lead],
            Scope::Centre,
            Record::Never,
        ),
        (
            "AttendanceService/ListPunches",
            vec![AttendanceOfficer, Hr, Discipline],
            Scope::Department,
            Record::WhenRevealed,
        ),
        ("DirectoryService/PutCentre", vec![Administrator], Scope::Deployment, Record::Never),
        ("DirectoryService/GrantRole", vec![Administrator], Scope::Centre, Record::Never),
        ("AuditService/RequestErasure", vec![AuditAdministrator], Scope::Centre, Record::Never),
    ] {
        let rule = rules.find(&format!("/qinlian.v1.{method}")).expect(method);
        assert_eq!((&rule.roles, rule.scope, rule.record), (&roles, scope, record), "{method}");
        assert!(!rule.public, "{method}");
    }
}

#[test]
fn health_and_reflection_are_open_and_what_is_not_in_the_table_is_nothing() {
    let rules = Rules::ours().unwrap();
    for (path, public) in [
        ("/grpc.health.v1.Health/Check", Some(true)),
        ("/grpc.health.v1.Health/Watch", Some(true)),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Some(true)),
        ("/qinlian.v1.AttendanceService/RecordPunch", Some(false)),
        ("/qinlian.v1.AttendanceService/recordpunch", None),
        ("/qinlian.v1.AttendanceService/RecordPunch/", None),
        ("//qinlian.v1.AttendanceService/RecordPunch", None),
        ("/qinlian.v1.AttendanceService/DropEverything", None),
        ("", None),
    ] {
        assert_eq!(rules.find(path).map(|rule| rule.public), public, "{path:?}");
    }
}

/// The rules of a descriptor set with our messages and one method, whose option has the given bytes.
fn with_option(option: &str) -> Result<Rules, RulesError> {
    let ours = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let mut pool = prost_types::FileDescriptorSet::default();
    for file in ours.files() {
        pool.file.push(file.file_descriptor_proto().clone());
    }
    // Decoded descriptors have lost the options of our services, so those go; what is left is the one method.
    for file in &mut pool.file {
        file.service.clear();
    }
    pool.file.push(prost_types::FileDescriptorProto {
        name: Some("qinlian/v1/test.proto".to_owned()),
        package: Some("qinlian.v1".to_owned()),
        dependency: vec!["qinlian/v1/common.proto".to_owned()],
        service: vec![prost_types::ServiceDescriptorProto {
            name: Some("TestService".to_owned()),
            method: vec![prost_types::MethodDescriptorProto {
                name: Some("Try".to_owned()),
                input_type: Some(".qinlian.v1.Date".to_owned()),
                output_type: Some(".qinlian.v1.Date".to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    });
    let mut bytes = prost::Message::encode_to_vec(&pool);
    if !option.is_empty() {
        bytes = put_option(&pool, &hex(option));
    }
    Rules::from_descriptors(&bytes)
}

/// The set again, with the bytes of an `access` message as option 50731 of the method. Written by hand: prost's own
/// descriptor types have no place for it.
fn put_option(pool: &prost_types::FileDescriptorSet, access: &[u8]) -> Vec<u8> {
    use prost::encoding::{WireType, encode_key, encode_varint};
    let field = |number: u32, bytes: &[u8]| {
        let mut out = Vec::new();
        encode_key(number, WireType::LengthDelimited, &mut out);
        encode_varint(bytes.len() as u64, &mut out);
        out.extend_from_slice(bytes);
        out
    };
    let mut files = pool.file.clone();
    let last = files.pop().unwrap();
    let method = [
        field(1, b"Try"),
        field(2, b".qinlian.v1.Date"),
        field(3, b".qinlian.v1.Date"),
        field(4, &field(50731, access)),
    ]
    .concat();
    let service = [field(1, b"TestService"), field(2, &method)].concat();
    let bare = prost_types::FileDescriptorProto { service: Vec::new(), ..last };
    let file = [prost::Message::encode_to_vec(&bare), field(6, &service)].concat();
    let mut bytes = prost::Message::encode_to_vec(&prost_types::FileDescriptorSet { file: files });
    bytes.extend(field(1, &file));
    bytes
}

fn hex(text: &str) -> Vec<u8> {
    text.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[test]
fn a_method_without_a_whole_rule_stops_the_start() {
    let method = "/qinlian.v1.TestService/Try".to_owned();
    let incomplete = |what| Some(RulesError::Incomplete { method: method.clone(), what });
    for (name, option, expected) in [
        // 1 roles (packed), 2 public, 3 scope, 4 record.
        ("a whole rule", "0a 01 01 18 01 20 01", None),
        ("public, and it says so", "10 01 20 01", None),
        ("nothing", "", Some(RulesError::Missing(method.clone()))),
        ("no role", "18 01 20 01", incomplete("it must name roles, or be public")),
        ("public and a role", "0a 01 01 10 01 18 01 20 01", incomplete("it must name roles, or be public")),
        ("the role 0", "0a 01 00 18 01 20 01", incomplete("a role is not known")),
        ("a role that we do not know", "0a 01 63 18 01 20 01", incomplete("a role is not known")),
        ("no scope", "0a 01 01 20 01", incomplete("it has no scope")),
        ("no record", "0a 01 01 18 01", incomplete("it does not say whether the read goes on record")),
    ] {
        assert_eq!(with_option(option).err(), expected, "{name}");
    }
    assert_eq!(Rules::from_descriptors(b"\xff").err(), Some(RulesError::Descriptors));
    assert_eq!(Rules::from_descriptors(b"").err(), Some(RulesError::NoOption));
}
