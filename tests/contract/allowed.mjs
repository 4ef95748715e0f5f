/*
 * allowed.mjs: differences that are the description's fault, each with the reason why. An entry that no
 * exchange needs fails the test of the sandbox: a list of excuses must not outlive its reasons.
 *
 *   violation   what Prism says, behind the place: "response.body.id: Response body property id must be …"
 *   status      only at answers with this status
 *   operations  only at these, as the description writes them
 */
export const allowed = [
    {
        why: 'Any call can be refused for its rate; the description lists 429 at a few operations only.',
        status: 429,
        violation: /^response: Unable to match the returned status code/,
    },
    {
        why: 'A wrong token is answered with 401 everywhere; the description forgets to say so at these.',
        status: 401,
        operations: [
            'DELETE /rest/api/3/attachment/{id}',
            'DELETE /rest/api/3/webhook',
            'GET /rest/api/3/issue/{issueIdOrKey}/properties',
            'GET /rest/api/3/issuetype',
            'GET /rest/api/3/users/search',
            'GET /rest/api/3/webhook',
            'GET /rest/api/3/webhook/failed',
            'POST /rest/api/3/comment/list',
            'POST /rest/api/3/issue/{issueIdOrKey}/attachments',
            'POST /rest/api/3/jql/match',
            'POST /rest/api/3/permissions/check',
            'POST /rest/api/3/webhook',
            'PUT /rest/api/3/webhook/refresh',
        ],
        violation: /^response: Unable to match the returned status code/,
    },
    {
        why: 'The description still has the old search, which the real site has answered with 410 since CHANGE-2046.',
        status: 410,
        operations: ['GET /rest/api/3/search', 'POST /rest/api/3/search'],
        violation: /^response: Unable to match the returned status code/,
    },
    {
        why: 'A link of issues is made with 201 and an empty body; the description promises JSON of no shape.',
        status: 201,
        operations: ['POST /rest/api/3/issueLink'],
        violation: /^response: The received media type "" does not match/,
    },
    {
        why: 'An answer of 204 has no body, so no type; the description promises JSON of no shape at some of them.',
        status: 204,
        violation: /^response: The received media type "" does not match/,
    },
    {
        why: 'The body of an upload is described as the array of parts that Jira makes of it, which no multipart body can be.',
        operations: ['POST /rest/api/3/issue/{issueIdOrKey}/attachments'],
        violation: /^request\.body: Request body must be array/,
    },
];
