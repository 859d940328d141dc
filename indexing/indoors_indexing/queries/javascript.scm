; What a JavaScript file defines and inherits from, beyond ecma.scm.

(class_declaration name: (identifier) @name body: (class_body) @body) @class
(class_declaration name: (identifier) @child (class_heritage [(identifier) (member_expression)] @base))
(lexical_declaration
  (variable_declarator
    name: (identifier) @name
    value: (class body: (class_body) @body))) @class
(variable_declarator
  name: (identifier) @child
  value: (class (class_heritage [(identifier) (member_expression)] @base)))

((method_definition
  name: (property_identifier) @name
  body: (statement_block) @body) @constructor
  (#set! is.name "constructor"))
(method_definition
  name: [(property_identifier) (private_property_identifier)] @name
  body: (statement_block) @body) @method
(field_definition
  property: [(property_identifier) (private_property_identifier)] @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @method
(field_definition
  property: [(property_identifier) (private_property_identifier)] @name
  value: (new_expression constructor: (_) @typed)?) @field

(lexical_declaration
  (variable_declarator
    name: (identifier) @name
    value: (new_expression constructor: (_) @typed)?)) @variable
(variable_declaration
  (variable_declarator
    name: (identifier) @name
    value: (new_expression constructor: (_) @typed)?)) @variable
