//! IO: Kubernetes. The last look before a request leaves: one that would change something is not sent once the term is over.

use http::Request;
use kube::client::Body;
use tower::filter::FilterLayer;

use super::term::Term;

/// A write that was not sent, because this operator does not lead.
#[derive(Debug, thiserror::Error)]
#[error("this operator does not lead")]
pub(crate) struct NotLeading;

/// Returns a layer for a client of the Kubernetes API that lets writes pass only while the term lasts.
pub(crate) fn fence(
    term: Term,
) -> FilterLayer<impl FnMut(Request<Body>) -> Result<Request<Body>, NotLeading> + Clone + Send + 'static> {
    FilterLayer::new(
        move |request: Request<Body>| {
            if request.method().is_safe() || term.holds() { Ok(request) } else { Err(NotLeading) }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::{Body, Request, Term, fence};
    use tower::Layer as _;

    fn passes(method: &str, term: &Term) -> bool {
        let mut filter = fence(term.clone())
            .layer(tower::service_fn(async |_: Request<Body>| Ok::<_, tower::BoxError>(())));
        let request = Request::builder().method(method).body(Body::empty()).unwrap();
        filter.check(request).is_ok()
    }

    #[test]
    fn lets_only_reading_pass_once_the_term_is_over() {
        let (over, lasts) = (Term::new(crate::clock::since_boot), Term::endless(crate::clock::since_boot));
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            assert!(passes(method, &lasts) && !passes(method, &over), "{method}");
        }
        assert!(passes("GET", &lasts) && passes("GET", &over));
    }
}
