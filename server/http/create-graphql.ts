import { type ASTVisitor, GraphQLError, NoSchemaIntrospectionCustomRule, parse, type ValidationContext } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { Context } from '../../schema/context.ts';
import { schema } from '../../schema/index.ts';

const tokensMax = 1000;
const aliasesMax = 15;

export type GraphqlYoga = ReturnType<typeof createGraphql>;

/** The schema with its limits, for POST and for WebSockets. */
export function createGraphql() {
  return createYoga<Context>({
    schema,
    graphqlEndpoint: '/graphql',
    batching: false,
    // Yoga would let the pages of every site call it, with cookies.
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    plugins: [limitDocuments(), introspectionForSignedIn()],
  });
}

/** Long documents and repeated fields cost more to check than to answer. */
function limitDocuments(): Plugin<Context> {
  return {
    onParse({ setParseFn }) {
      setParseFn((source) => parse(source, { maxTokens: tokensMax }));
    },
    onValidate({ addValidationRule }) {
      addValidationRule((context: ValidationContext): ASTVisitor => {
        let aliases = 0;
        return {
          Field(node) {
            if (node.alias && ++aliases === aliasesMax + 1) {
              context.reportError(new GraphQLError(`At most ${aliasesMax} aliases are allowed.`, { nodes: node }));
            }
          },
        };
      });
    },
  };
}

function introspectionForSignedIn(): Plugin<Context> {
  return {
    onValidate({ addValidationRule, context }) {
      if (!context.viewer) addValidationRule(NoSchemaIntrospectionCustomRule);
    },
  };
}
