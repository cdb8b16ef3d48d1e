mod policy;

pub use policy::RemovalPolicy;
