//! What the server itself says that it has: its services by reflection, and their files until every import is there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use prost_types::FileDescriptorProto;
use tonic::transport::Channel;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

/// Every method of the services of this package, as the server describes them.
pub(super) async fn methods_of(channel: &Channel, package: &str) -> Vec<MethodDescriptor> {
    let services: Vec<String> = match ask(channel, MessageRequest::ListServices(String::new())).await {
        MessageResponse::ListServicesResponse(list) => list.service.into_iter().map(|it| it.name).collect(),
        other => panic!("no list of services: {other:?}"),
    };
    let mut files = BTreeMap::<String, FileDescriptorProto>::new();
    let mut wanted = BTreeSet::new();
    for service in services.iter().filter(|service| service.starts_with(package)) {
        let question = MessageRequest::FileContainingSymbol(service.clone());
        add(&mut files, &mut wanted, ask(channel, question).await);
    }
    while let Some(name) = wanted.pop_first() {
        add(&mut files, &mut wanted, ask(channel, MessageRequest::FileByFilename(name)).await);
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_protos(files.into_values()).expect("what the server describes is whole");
    let ours = pool.services().filter(|service| service.package_name() == package);
    ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// Takes files in, and notes which of their imports are not here yet.
fn add(
    files: &mut BTreeMap<String, FileDescriptorProto>,
    wanted: &mut BTreeSet<String>,
    answer: MessageResponse,
) {
    let MessageResponse::FileDescriptorResponse(found) = answer else { panic!("no file: {answer:?}") };
    for bytes in found.file_descriptor_proto {
        let file = FileDescriptorProto::decode(bytes.as_slice()).expect("a file");
        wanted.remove(file.name());
        wanted.extend(file.dependency.iter().filter(|name| !files.contains_key(*name)).cloned());
        files.insert(file.name().to_owned(), file);
    }
    wanted.retain(|name| !files.contains_key(name));
}

async fn ask(channel: &Channel, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(channel.clone());
    let mut answers =
        client.server_reflection_info(stream::iter([request])).await.expect("reflection").into_inner();
    let answer: ServerReflectionResponse = answers.next().await.expect("an answer").expect("an answer");
    answer.message_response.expect("something in it")
}
