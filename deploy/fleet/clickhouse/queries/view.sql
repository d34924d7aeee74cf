-- All that is known of one view: a line for each edge that saw it.

SELECT *
FROM openqoe.part AS v FINAL
WHERE org_id = {org:String} AND view_id = {view:String}
      AND start >= {since:DateTime('UTC')} AND start < {until:DateTime('UTC')}
ORDER BY start, edge;
