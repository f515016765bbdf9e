//! The access rule of every method, read from the options in the descriptor set: `proto/qinlian/v1/access.proto`.
//!
//! The table is built once; what is not in it cannot be called. A method of ours without a rule, or with half of one,
//! stops the start.

use std::collections::HashMap;
use std::sync::Arc;

use prost_reflect::{DescriptorPool, ExtensionDescriptor, MethodDescriptor};

use crate::proto::access::{Record, Scope};
use crate::proto::{Access, DESCRIPTORS, Role};

/// The package whose methods must all have a rule.
const PACKAGE: &str = "qinlian.v1";
/// The extension that holds a rule.
const OPTION: &str = "qinlian.v1.access";
/// What anybody may call besides our own methods: health for balancers, reflection for whoever explores.
const OPEN: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Who may call one method, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The path, `/{package.Service}/{Method}`.
    pub method: String,
    /// The roles that may call; any one of them is enough. Empty for a public method.
    pub roles: Vec<Role>,
    /// May anybody call, without a token?
    pub public: bool,
    /// How far the grant must reach.
    pub scope: Scope,
    /// Does the read go on record?
    pub record: Record,
}

impl Rule {
    /// Is it none of our own methods: health, reflection?
    pub fn is_open(&self) -> bool {
        OPEN.contains(&self.method.as_str())
    }
}

/// Why there is no table of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The bytes are no descriptor set.
    #[error("the descriptor set does not decode")]
    Descriptors,
    /// The option itself is not among the descriptors.
    #[error("the descriptor set lacks the option {OPTION}")]
    NoOption,
    /// A method says nothing about who may call it.
    #[error("{0} has no access rule")]
    Missing(String),
    /// A method's rule leaves something open, or says both everybody and somebody.
    #[error("the access rule of {method} is not whole: {what}")]
    Incomplete {
        /// The path.
        method: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// The rules of all methods, by path.
#[derive(Debug, Clone)]
pub struct Rules {
    table: HashMap<String, Arc<Rule>>,
}

impl Rules {
    /// The rules of the methods that this program was built with.
    pub fn ours() -> Result<Self, RulesError> {
        Self::from_descriptors(DESCRIPTORS)
    }

    /// The rules of an encoded `FileDescriptorSet`.
    pub fn from_descriptors(descriptors: &[u8]) -> Result<Self, RulesError> {
        let pool = DescriptorPool::decode(descriptors).map_err(|_| RulesError::Descriptors)?;
        let option = pool.get_extension_by_name(OPTION).ok_or(RulesError::NoOption)?;
        let mut table: HashMap<_, _> =
            OPEN.iter().map(|path| ((*path).to_owned(), Arc::new(open_to_all(path)))).collect();
        for service in pool.services().filter(|service| service.package_name() == PACKAGE) {
            for method in service.methods() {
                let rule = rule_of(&method, &option)?;
                table.insert(rule.method.clone(), Arc::new(rule));
            }
        }
        Ok(Self { table })
    }

    /// The rule of a path, if there is such a method.
    pub fn find(&self, path: &str) -> Option<&Arc<Rule>> {
        self.table.get(path)
    }

    /// All rules, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.table.values()
    }
}

fn open_to_all(path: &str) -> Rule {
    Rule {
        method: path.to_owned(),
        roles: Vec::new(),
        public: true,
        scope: Scope::Unspecified,
        record: Record::Never,
    }
}

fn rule_of(method: &MethodDescriptor, option: &ExtensionDescriptor) -> Result<Rule, RulesError> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let options = method.options();
    if !options.has_extension(option) {
        return Err(RulesError::Missing(path));
    }
    let option = options.get_extension(option);
    let access = option.as_message().and_then(|message| message.transcode_to::<Access>().ok());
    let Some(access) = access else { return Err(RulesError::Missing(path)) };
    let incomplete = |what| RulesError::Incomplete { method: path.clone(), what };
    let roles: Vec<Role> = access.roles().collect();
    if access.public != access.roles.is_empty() {
        return Err(incomplete("it must name roles, or be public"));
    }
    if roles.len() != access.roles.len() || roles.contains(&Role::Unspecified) {
        return Err(incomplete("a role is not known"));
    }
    if access.scope() == Scope::Unspecified && !access.public {
        return Err(incomplete("it has no scope"));
    }
    if access.record() == Record::Unspecified {
        return Err(incomplete("it does not say whether the read goes on record"));
    }
    let (scope, record) = (access.scope(), access.record());
    Ok(Rule { method: path, roles, public: access.public, scope, record })
}
