import { builder } from './builder.ts';
import type { Context, Session, Viewer } from './context.ts';
import {
  ConflictError,
  InvalidInputError,
  orFailure,
  resultUnion,
  ThrottledError,
  UnauthenticatedError,
} from './failures.ts';

const ViewerType = builder.objectRef<Viewer>('Viewer').implement({
  description: 'Who is signed in.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Of the account.' }),
    username: t.exposeString('username', { description: 'The name to sign in with.' }),
    isPasswordFromEnvironment: t.exposeBoolean('isPasswordFromEnvironment', {
      description: 'The password is set by ADMIN_PASSWORD and cannot be changed here.',
    }),
  }),
});

const SetupStatus = builder.objectRef<{ isSetupRequired: boolean }>('SetupStatus').implement({
  description: 'Whether this is the first run.',
  fields: (t) => ({ isSetupRequired: t.exposeBoolean('isSetupRequired', { description: 'There is no owner yet.' }) }),
});

const SessionCreateSuccess = builder.objectRef<Session & { __typename: string }>('SessionCreateSuccess').implement({
  description: 'Signed in.',
  fields: (t) => ({
    token: t.exposeString('token', { description: 'Send it as `Authorization: Bearer …`.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it ends.', resolve: (session) => session.expiresAt }),
    viewer: t.field({ type: ViewerType, description: 'Who is signed in.', resolve: (session) => session.viewer }),
  }),
});

const SetupCompleteInput = builder.inputType('SetupCompleteInput', {
  description: 'The owner to create.',
  fields: (t) => ({
    setupCode: t.string({ required: true, description: 'The code that the log shows.' }),
    username: t.string({ required: true, description: '1 to 64 characters without spaces.' }),
    password: t.string({ required: true, description: '12 to 128 characters.' }),
  }),
});
const SessionCreateInput = builder.inputType('SessionCreateInput', {
  description: 'Who signs in.',
  fields: (t) => ({
    username: t.string({ required: true, description: 'The name.' }),
    password: t.string({ required: true, description: 'The password.' }),
  }),
});

const success = SessionCreateSuccess as never;
const SetupCompleteResult = resultUnion('SetupCompleteResult', success, [
  InvalidInputError,
  ConflictError,
  UnauthenticatedError,
  ThrottledError,
]);
const SessionCreateResult = resultUnion('SessionCreateResult', success, [
  InvalidInputError,
  UnauthenticatedError,
  ThrottledError,
]);
const SessionRefreshResult = resultUnion('SessionRefreshResult', success, [UnauthenticatedError]);
const SessionRevokeSuccess = builder.objectRef<{ isRevoked: boolean }>('SessionRevokeSuccess').implement({
  description: 'Signed out.',
  fields: (t) => ({ isRevoked: t.exposeBoolean('isRevoked', { description: 'There was a session to end.' }) }),
});

/** The refresh token goes into the cookie and nowhere else. */
async function opened(pending: Promise<Session>, { refreshCookie }: Context) {
  const session = await pending;
  if (session.refreshToken !== null) refreshCookie.write(session.refreshToken);
  return { __typename: 'SessionCreateSuccess', ...session };
}

builder.queryFields((t) => ({
  setupStatus: t.field({
    type: SetupStatus,
    description: 'For anyone: whether the owner has still to be created.',
    authScopes: { anyone: true },
    skipTypeScopes: true,
    resolve: (_root, _args, { services }) => ({ isSetupRequired: services.admin.setupCode() !== null }),
  }),
  viewer: t.field({
    type: ViewerType,
    description: 'Who is signed in.',
    resolve: (_root, _args, { viewer }) => viewer as Viewer,
  }),
}));

builder.mutationFields((t) => ({
  setupComplete: t.field({
    type: SetupCompleteResult,
    description: 'For anyone with the setup code: creates the owner and signs in.',
    authScopes: { anyone: true },
    skipTypeScopes: true,
    args: { input: t.arg({ type: SetupCompleteInput, required: true }) },
    resolve: (_root, { input }, context) =>
      orFailure(() => opened(context.services.admin.setupComplete(input, context.address), context)) as never,
  }),
  sessionCreate: t.field({
    type: SessionCreateResult,
    description: 'For anyone: signs in.',
    authScopes: { anyone: true },
    skipTypeScopes: true,
    args: { input: t.arg({ type: SessionCreateInput, required: true }) },
    resolve: (_root, { input }, context) =>
      orFailure(() => opened(context.services.admin.sessionCreate(input, context.address), context)) as never,
  }),
  sessionRefresh: t.field({
    type: SessionRefreshResult,
    description: 'For who has the HttpOnly cookie of a session: a new token, and the next cookie.',
    authScopes: { anyone: true },
    skipTypeScopes: true,
    resolve: (_root, _args, context) =>
      orFailure(() => opened(context.services.admin.sessionRefresh(context.refreshCookie.read()), context)) as never,
  }),
  sessionRevoke: t.field({
    type: SessionRevokeSuccess,
    description: 'Ends the session of the token and that of the cookie.',
    authScopes: { anyone: true },
    skipTypeScopes: true,
    resolve: async (_root, _args, { services, viewer, refreshCookie }) => {
      const isRevoked = await services.admin.sessionRevoke(refreshCookie.read(), viewer);
      refreshCookie.write(null);
      return { isRevoked };
    },
  }),
}));
