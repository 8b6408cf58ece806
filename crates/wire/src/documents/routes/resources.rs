//! Routes of resources.

use crate::{
    data,
    documents::{
        requests::{NewResource, NewResourceReport, ResourceChange, ResourcesQuery},
        route::{NOT_AUTHORIZED, Reason, Route},
    },
};

const RESOURCE_NOT_FOUND: Reason = (404, "resource_not_found");

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/resources", "listResources")
            .says("Find defibrillators and other things that help", "Around a place.")
            .query::<ResourcesQuery>()
            .answers::<data::Resources<'_>>(200, "Nearest first."),
        Route::new("POST", "/api/v1/resources", "addResource")
            .says("Add a resource", "For administrators.")
            .body::<NewResource>()
            .answers::<data::Resource<'_>>(201, "The resource.")
            .refuses(&[NOT_AUTHORIZED]),
        Route::new("PUT", "/api/v1/resources/{resourceId}", "changeResource")
            .says("Change a resource", "For administrators. What is missing stays, `null` clears.")
            .body::<ResourceChange>()
            .answers::<data::Resource<'_>>(200, "The resource as it is now.")
            .refuses(&[NOT_AUTHORIZED, RESOURCE_NOT_FOUND]),
        Route::new("DELETE", "/api/v1/resources/{resourceId}", "deleteResource")
            .says("Delete a resource", "For administrators.")
            .answers::<data::ResourceDeleted>(200, "It is not listed any more.")
            .refuses(&[NOT_AUTHORIZED, RESOURCE_NOT_FOUND]),
        Route::new("POST", "/api/v1/resources/{resourceId}/reports", "reportResource")
            .says(
                "Report what became of a resource",
                "Three helpers within 30 days, or one who responds to an emergency within 3 km and is within 100 m of it, make it \
                 `missing` or `unusable`. `ok` by an administrator or such a helper makes it `available`. `moved` is noted for \
                 administrators.",
            )
            .body::<NewResourceReport>()
            .answers::<data::Resource<'_>>(201, "The resource as it is now.")
            .refuses(&[RESOURCE_NOT_FOUND]),
    ]
}
