//! What would have been: worlds of accounts and work run through a policy (`sluice simulate`), recorded
//! decisions taken again (`sluice replay`), and recorded weeks under another policy.

pub mod compare;
pub mod replay;
pub mod simulate;
