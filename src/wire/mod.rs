//! Placeholder for the `wire` branch: the two types the signer names.

pub mod dialect {
    //! Placeholder.

    /// Placeholder.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Dialect {
        /// Placeholder.
        Obs,
        /// Placeholder.
        AwsV2,
    }

    impl Dialect {
        /// Placeholder.
        pub fn is_obs(self) -> bool {
            self == Self::Obs
        }
    }
}

pub mod address {
    //! Placeholder.

    /// Placeholder.
    #[derive(Clone, Debug)]
    pub struct Endpoints(pub Vec<String>);

    impl Endpoints {
        /// Placeholder.
        pub fn new(domains: Vec<String>) -> Self {
            Self(domains)
        }
    }
}
